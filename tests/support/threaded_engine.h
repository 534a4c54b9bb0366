// The scripted engine on a thread of its own, for tests with real threads.
// Thread:   calls from any thread; it answers from the thread of its executor.
// Memory:   as ScriptedEngine.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "support/scripted_engine.h"

namespace parley::test {

// Runs closures of a strand under a lock, which whoever else touches the same things takes too.
class LockedExecutor final : public realtime::Executor {
 public:
  LockedExecutor(std::shared_ptr<realtime::Executor> strand, std::recursive_mutex& mutex)
      : strand_(std::move(strand)), mutex_(mutex) {}
  Time Now() const override { return strand_->Now(); }
  void Post(std::function<void()> work) override { strand_->Post(Locked(std::move(work))); }
  realtime::TimerId At(Time when, std::function<void()> work) override {
    return strand_->At(when, Locked(std::move(work)));
  }
  void Cancel(realtime::TimerId timer) override { strand_->Cancel(timer); }

 private:
  std::function<void()> Locked(std::function<void()> work) {
    return [this, work = std::move(work)] {
      std::lock_guard lock(mutex_);
      work();
    };
  }
  std::shared_ptr<realtime::Executor> strand_;
  std::recursive_mutex& mutex_;
};

// The scripted engine behind calls from any thread; it answers from the thread of its executor.
class ThreadedEngine final : public engine::Engine {
 public:
  ThreadedEngine(std::shared_ptr<realtime::Executor> strand, Script script)
      : executor_(std::move(strand), mutex_),
        inner_(executor_, std::move(script)),
        owner_(std::make_shared<Owner>(this)) {}

  Result<engine::Sequence> Open(engine::Position reserve) override {
    std::lock_guard lock(mutex_);
    PARLEY_TRY(engine::Sequence inner, inner_.Open(reserve));
    return Wrap(std::move(inner));
  }
  engine::Sequence Fork(const engine::Sequence& from, engine::Position at) override {
    std::lock_guard lock(mutex_);
    return Wrap(inner_.Fork(sequences_.at(from.id()), at));
  }
  void Rollback(const engine::Sequence& sequence, engine::Position to) override {
    std::lock_guard lock(mutex_);
    inner_.Rollback(sequences_.at(sequence.id()), to);
  }
  void Append(const engine::Sequence& sequence, engine::Input input, engine::Urgency urgency,
              engine::Done done) override {
    std::lock_guard lock(mutex_);
    inner_.Append(sequences_.at(sequence.id()), std::move(input), urgency, std::move(done));
  }
  void Encode(PcmView sound, engine::Urgency urgency, engine::Encoded encoded) override {
    std::lock_guard lock(mutex_);
    inner_.Encode(sound, urgency, std::move(encoded));
  }
  void Transcribe(engine::TranscribeLane lane, PcmView sound, model::TranscribeOptions options,
                  engine::Urgency urgency, engine::Transcribed transcribed) override {
    std::lock_guard lock(mutex_);
    inner_.Transcribe(lane, sound, std::move(options), urgency, std::move(transcribed));
  }
  engine::Stream Generate(const engine::Sequence& sequence, engine::GenerateOptions options,
                          std::shared_ptr<engine::TokenSink> sink) override {
    std::lock_guard lock(mutex_);
    return inner_.Generate(sequences_.at(sequence.id()), std::move(options), std::move(sink));
  }
  void Stop(engine::Stream stream) override {
    std::lock_guard lock(mutex_);
    inner_.Stop(stream);
  }
  void SetUrgency(engine::Stream stream, engine::Urgency urgency) override {
    std::lock_guard lock(mutex_);
    inner_.SetUrgency(stream, urgency);
  }
  engine::EngineStats stats() const override {
    std::lock_guard lock(mutex_);
    return inner_.stats();
  }

 private:
  struct Owner final : engine::internal::SequenceOwner {
    explicit Owner(ThreadedEngine* e) : engine(e) {}
    void Closed(int64_t id) override {
      std::lock_guard lock(engine->mutex_);
      engine->sequences_.erase(id);
    }
    ThreadedEngine* engine;
  };
  engine::Sequence Wrap(engine::Sequence inner) {
    const int64_t id = inner.id();
    sequences_.emplace(id, std::move(inner));
    return engine::Sequence(id, owner_);
  }

  mutable std::recursive_mutex mutex_;
  LockedExecutor executor_;
  ScriptedEngine inner_;
  std::map<int64_t, engine::Sequence> sequences_;  // {mutex_}
  std::shared_ptr<Owner> owner_;
};

}  // namespace parley::test

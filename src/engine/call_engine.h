// The Engine of callers: turns calls into messages for whoever drives the core, gives out handles at once, and answers
// Open on the caller's thread (one atomic number says whether the pool can keep the promise).
// Thread:   any; ids and admission are atomic, Post is the driver's.
// Memory:   sound is copied into the message.
// Overload: see engine.h; the driver's mailbox refuses.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "engine/calls.h"
#include "engine/engine_core.h"

namespace parley::engine {

// The ids of sequences and streams say which replica of a pool they are on.
constexpr int kReplicaShift = 48;
constexpr int64_t FirstId(int32_t replica) { return (int64_t{replica} << kReplicaShift) + 1; }
constexpr size_t ReplicaOf(int64_t id) { return static_cast<size_t>(id >> kReplicaShift); }

class CallEngine : public Engine {
 public:
  Result<Sequence> Open(Position reserve) final;
  Sequence Fork(const Sequence& from, Position at) final;
  void Rollback(const Sequence& sequence, Position to) final;
  void Append(const Sequence& sequence, Input input, Urgency urgency, Done done) final;
  void Encode(PcmView sound, Urgency urgency, Encoded encoded) final;
  void Transcribe(TranscribeLane lane, PcmView sound, model::TranscribeOptions options,
                  Urgency urgency, Transcribed transcribed) final;
  Stream Generate(const Sequence& sequence, GenerateOptions options,
                  std::shared_ptr<TokenSink> sink) final;
  void Stop(Stream stream) final;
  void SetUrgency(Stream stream, Urgency urgency) final;

  // `lost`: called once, on the engine's thread, if the device is given up while the sequence's talk is open. One a talk.
  void OnLost(const Sequence& sequence, Lost lost);
  // Given up: Open and everything else fail from now on.
  bool lost() const { return admission_.closed(); }
  int32_t pages_left() const { return admission_.pages() - admission_.promised(); }

 protected:
  CallEngine(Admission& admission, int32_t replica)
      : admission_(admission),
        owner_(std::make_shared<Owner>(*this)),
        next_sequence_(FirstId(replica)),
        next_stream_(FirstId(replica)) {}
  // The last thing a driver's destructor does before its parts go: handles that live on tell nobody.
  void ForgetHandles() { owner_->Forget(); }
  virtual void Post(Call call) = 0;
  int64_t open_refused() const { return open_refused_.load(std::memory_order_relaxed); }

 private:
  class Owner final : public internal::SequenceOwner {
   public:
    explicit Owner(CallEngine& engine) : engine_(&engine) {}
    void Closed(int64_t id) override;
    void Forget();

   private:
    std::mutex mutex_;
    CallEngine* engine_;  // {mutex_}
  };

  Admission& admission_;
  std::shared_ptr<Owner> owner_;
  std::atomic<int64_t> next_sequence_;
  std::atomic<int64_t> next_stream_;
  std::atomic<int64_t> open_refused_ = 0;
};

// Takes the payload out of a call that may be refused, and says why it is. Others are left as they are.
void Refuse(Call& call, const Error& why);

}  // namespace parley::engine

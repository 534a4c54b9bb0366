// SPDX-License-Identifier: Apache-2.0
#include "app/placed_session.h"

#include <mutex>
#include <string>
#include <utility>

namespace parley::app {
namespace {

// Events pass until the talk is lost or its session gone. All on the strand but Close, which comes from anywhere.
class LastWord {
 public:
  LastWord(std::shared_ptr<realtime::Executor> strand, realtime::EventSink sink)
      : strand_(std::move(strand)), sink_(std::move(sink)), begin_(strand_->Now()) {}

  void Pass(const realtime::Event& event) {
    const std::lock_guard lock(mutex_);
    if (sink_ && !lost_) sink_(event);
  }
  void Lose(Error why) {
    const std::lock_guard lock(mutex_);
    if (!sink_ || lost_) return;
    lost_ = true;
    sink_({.at = Time(strand_->Now() - begin_),
           .epoch = {},
           .what = realtime::Failed{Context("the talk is over", std::move(why))}});
  }
  void Close() {
    realtime::EventSink closed;  // may be running: destroyed when the lock is gone
    const std::lock_guard lock(mutex_);
    std::swap(closed, sink_);
  }
  realtime::Executor& strand() { return *strand_; }

 private:
  const std::shared_ptr<realtime::Executor> strand_;
  std::recursive_mutex mutex_;  // a session may be ended by one of its own events
  realtime::EventSink sink_;    // {mutex_}
  bool lost_ = false;           // {mutex_}
  const Time begin_;
};

class PlacedSession final : public realtime::Session {
 public:
  PlacedSession(std::shared_ptr<LastWord> word, std::shared_ptr<engine::Engine> engine,
                std::unique_ptr<realtime::Session> talk)
      : word_(std::move(word)), engine_(std::move(engine)), talk_(std::move(talk)) {}
  ~PlacedSession() override {
    word_->Close();
    talk_.reset();
    // The talk goes on the strand, and its engine behind it.
    word_->strand().Post([engine = std::move(engine_)] {});
  }

  void PushSound(PcmView sound) override { talk_->PushSound(sound); }
  void PushText(std::string text) override { talk_->PushText(std::move(text)); }
  void CommitTurn() override { talk_->CommitTurn(); }
  void Played(int64_t samples_of_answer) override { talk_->Played(samples_of_answer); }
  void Interrupt() override { talk_->Interrupt(); }
  void Configure(realtime::TalkSettings settings) override { talk_->Configure(settings); }
  void SetPast(realtime::PastTalk past) override { talk_->SetPast(std::move(past)); }
  void Respond() override { talk_->Respond(); }
  void DiscardTurn() override { talk_->DiscardTurn(); }
  realtime::SessionStats stats() const override { return talk_->stats(); }

 private:
  std::shared_ptr<LastWord> word_;
  std::shared_ptr<engine::Engine> engine_;
  std::unique_ptr<realtime::Session> talk_;
};

}  // namespace

Result<std::unique_ptr<realtime::Session>> OpenPlacedSession(
    engine::PoolEngine& pool, const realtime::ConversationConfig& config,
    realtime::ConversationParts parts, realtime::EventSink sink) {
  const auto word = std::make_shared<LastWord>(parts.executor, std::move(sink));
  const std::shared_ptr<engine::Engine> engine =
      pool.ForTalk([weak = std::weak_ptr<LastWord>(word)](Error why) {
        if (const auto told = weak.lock()) {
          told->strand().Post([told, why = std::move(why)] { told->Lose(why); });
        }
      });
  parts.engine = engine.get();
  PARLEY_TRY(auto talk, realtime::LocalSession::Open(config, std::move(parts),
                                                     [word](const realtime::Event& event) {
                                                       // An event may end the session, and this closure with it:
                                                       // the copy outlives the call.
                                                       std::shared_ptr<LastWord>(word)->Pass(event);
                                                     }));
  return std::unique_ptr<realtime::Session>(
      std::make_unique<PlacedSession>(word, engine, std::move(talk)));
}

}  // namespace parley::app

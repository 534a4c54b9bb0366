// SPDX-License-Identifier: Apache-2.0
#include "realtime/local_session.h"

#include <mutex>
#include <utility>
#include <vector>

namespace parley::realtime {

// Events pass while it is open. Recursive: a session may be ended by one of its own events.
struct LocalSession::Gate {
  std::recursive_mutex mutex;
  EventSink sink;  // {mutex}
};

Result<std::unique_ptr<LocalSession>> LocalSession::Open(const ConversationConfig& config,
                                                         ConversationParts parts, EventSink sink) {
  std::unique_ptr<LocalSession> session(new LocalSession());
  session->executor_ = parts.executor;
  session->gate_ = std::make_shared<Gate>();
  session->gate_->sink = std::move(sink);
  PARLEY_TRY(
      session->conversation_,
      Conversation::Open(config, std::move(parts), [gate = session->gate_](const Event& event) {
        std::lock_guard lock(gate->mutex);
        if (gate->sink) gate->sink(event);
      }));
  return session;
}

LocalSession::~LocalSession() {
  if (gate_ == nullptr) return;
  EventSink closed;  // may be running: destroyed when the lock is gone
  {
    std::lock_guard lock(gate_->mutex);
    std::swap(closed, gate_->sink);
  }
  // The talk ends where it runs, not under a closure that is using it.
  executor_->Post([conversation = std::move(conversation_)]() mutable { conversation.reset(); });
}

template <class Call>
void LocalSession::Post(Call call) {
  executor_->Post(
      [weak = std::weak_ptr<Conversation>(conversation_), call = std::move(call)]() mutable {
        if (auto conversation = weak.lock()) call(*conversation);
      });
}

void LocalSession::PushSound(PcmView sound) {
  const auto samples = static_cast<int64_t>(sound.size());
  if (waiting_->fetch_add(samples) + samples > kWaitingMs * kSampleRateHz / 1000) {
    *waiting_ -= samples;
    refused_ += samples;
    return;
  }
  Post([waiting = waiting_,
        copy = std::vector<float>(sound.begin(), sound.end())](Conversation& conversation) {
    *waiting -= static_cast<int64_t>(copy.size());
    conversation.OnSound(copy);
  });
}

void LocalSession::PushText(std::string text) {
  Post([text = std::move(text)](Conversation& c) mutable { c.OnText(std::move(text)); });
}

void LocalSession::CommitTurn() {
  Post([](Conversation& c) { c.CommitTurn(); });
}

void LocalSession::Played(int64_t samples_of_answer) {
  Post([samples_of_answer](Conversation& c) { c.OnPlayed(samples_of_answer); });
}

void LocalSession::Interrupt() {
  Post([](Conversation& c) { c.Interrupt(); });
}

void LocalSession::Configure(TalkSettings settings) {
  Post([settings](Conversation& c) { c.Configure(settings); });
}

void LocalSession::SetPast(PastTalk past) {
  Post([past = std::move(past)](Conversation& c) mutable { c.SetPast(std::move(past)); });
}

void LocalSession::Respond() {
  Post([](Conversation& c) { c.Respond(); });
}

void LocalSession::DiscardTurn() {
  Post([](Conversation& c) { c.DiscardTurn(); });
}

SessionStats LocalSession::stats() const {
  return {refused_.load() * 1000 / kSampleRateHz, conversation_->stale(),
          conversation_->underruns()};
}

}  // namespace parley::realtime

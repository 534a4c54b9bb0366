// A talk in this process: a Conversation on its executor, behind the session interface.
// Thread:   calls may come from any thread; events on the executor, one at a time. After the
//           destructor has returned no event is delivered; it may run inside one.
// Memory:   sound that waits for the executor, at most kWaitingMs of it.
// Overload: sound beyond that is refused and counted (SessionStats::sound_refused_ms).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "realtime/conversation.h"
#include "realtime/session.h"

namespace parley::realtime {

class LocalSession final : public Session {
 public:
  static constexpr int64_t kWaitingMs = 10000;

  static Result<std::unique_ptr<LocalSession>> Open(const ConversationConfig& config,
                                                    ConversationParts parts, EventSink sink);
  ~LocalSession() override;

  void PushSound(PcmView sound) override;
  void PushText(std::string text) override;
  void CommitTurn() override;
  void Played(int64_t samples_of_answer) override;
  void Interrupt() override;
  void Configure(TalkSettings settings) override;
  void SetPast(PastTalk past) override;
  void Respond() override;
  void DiscardTurn() override;
  SessionStats stats() const override;

  // For tests, on the executor.
  const Conversation& conversation() const { return *conversation_; }

 private:
  struct Gate;
  LocalSession() = default;
  template <class Call>
  void Post(Call call);

  std::shared_ptr<Executor> executor_;
  std::shared_ptr<Gate> gate_;
  std::shared_ptr<Conversation> conversation_;
  std::shared_ptr<std::atomic<int64_t>> waiting_ = std::make_shared<std::atomic<int64_t>>(0);
  std::atomic<int64_t> refused_{0};  // samples
};

}  // namespace parley::realtime

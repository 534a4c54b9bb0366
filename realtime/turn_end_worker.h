// The turn detector beside the conversations: it takes tens of milliseconds, a strand must not.
// Thread:   Ask may be called from any thread; the network runs on the worker's own. The answer is
//           posted to the executor that asked.
// Memory:   one turn's last seconds of sound a question.
// Overload: at most kQuestions wait; the oldest is dropped and counted: its talk has gone on, or
//           ends its turn by patience.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "common/mailbox.h"
#include "common/result.h"
#include "nn/turn_end.h"
#include "realtime/executor.h"

namespace parley::realtime {

struct TurnEndQuestion {
  std::vector<float> sound;  // 16 kHz; ends with the silence the network was trained on
  std::shared_ptr<Executor> executor;
  std::function<void(Result<float>)> answer;
};

class TurnEndWorker {
 public:
  virtual ~TurnEndWorker() = default;
  virtual void Ask(TurnEndQuestion question) = 0;
  virtual int64_t dropped() const = 0;
};

class ThreadTurnEndWorker final : public TurnEndWorker {
 public:
  static constexpr size_t kQuestions = 16;

  explicit ThreadTurnEndWorker(nn::TurnEnd& network);
  void Ask(TurnEndQuestion question) override { questions_.Push(std::move(question)); }
  int64_t dropped() const override { return questions_.dropped(); }

 private:
  nn::TurnEnd& network_;
  Mailbox<TurnEndQuestion> questions_{kQuestions, WhenFull::kDropOldest};
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace parley::realtime

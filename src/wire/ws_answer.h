// An HTTP answer on its way: what a handler fills from its thread, and how the server's thread writes it. The body goes
// through the connection's outbox, the head beside it.
// Thread:   OutboxReply: any, one at a time. The functions: the server's.
// Memory:   the head; the body as far as the outbox bounds it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "wire/http.h"
#include "wire/outbox.h"
#include "wire/ws.h"

struct lws;

namespace parley::wire {

struct AnswerState {
  explicit AnswerState(bool no_body) : head_only(no_body) {}
  const bool head_only;  // the method is HEAD
  std::mutex mutex;
  bool begun = false;      // {mutex}: the head is complete
  Answer head;             // {mutex}
  bool head_sent = false;  // the server's thread
  std::string sending;     // the server's thread
};

class OutboxReply final : public Reply {
 public:
  OutboxReply(std::shared_ptr<Outbox> outbox, std::shared_ptr<AnswerState> state)
      : outbox_(std::move(outbox)), state_(std::move(state)) {}
  ~OutboxReply() override;
  void Send(Answer answer) override;
  void Begin(Answer head) override;
  bool Write(std::string_view piece) override;
  void End() override;
  bool gone() const override { return outbox_->gone(); }

 private:
  void SetHead(Answer head);
  void Finish(std::string last);

  const std::shared_ptr<Outbox> outbox_;
  const std::shared_ptr<AnswerState> state_;
  bool ended_ = false;
};

enum class Written : uint8_t { kBroken, kMore, kAll };
// As much of it as the connection takes now; kMore asks the library to call again, or the outbox will.
Written WriteAnswer(lws* wsi, AnswerState& state, Outbox& outbox);
// The whole answer at once, before an upgrade or a body: what the library's callback is to return, and the connection ends.
int WriteRefusal(lws* wsi, const Answer& answer);

}  // namespace parley::wire

// SPDX-License-Identifier: Apache-2.0
#include "wire/ws_answer.h"

#include <libwebsockets.h>

#include <cstdio>
#include <optional>
#include <utility>

namespace parley::wire {
namespace {

// By ourselves: before an upgrade the library would answer in HTTP/1.0.
bool WriteHead(lws* wsi, const Answer& answer) {
  std::string head(LWS_PRE, '\0');
  head += "HTTP/1.1 " + std::to_string(answer.status) + " ";
  head += ReasonPhrase(answer.status);
  if (!answer.content_type.empty()) head += "\r\ncontent-type: " + answer.content_type;
  for (const auto& [name, value] : answer.headers) head += "\r\n" + name + ": " + value;
  head += "\r\n\r\n";
  const size_t size = head.size() - LWS_PRE;
  auto* payload = reinterpret_cast<unsigned char*>(head.data()) + LWS_PRE;
  return lws_write(wsi, payload, size, LWS_WRITE_HTTP_HEADERS) >= static_cast<int>(size);
}

}  // namespace

OutboxReply::~OutboxReply() {
  if (!ended_) OutboxReply::End();  // whoever was to answer has given up
}

void OutboxReply::Send(Answer answer) {
  ended_ = true;
  std::string body = std::move(answer.body);
  answer.headers.emplace_back("content-length", std::to_string(body.size()));
  SetHead(std::move(answer));
  Finish(std::move(body));
}

void OutboxReply::Begin(Answer head) {
  std::string body = std::move(head.body);
  head.headers.emplace_back("transfer-encoding", "chunked");
  SetHead(std::move(head));
  if (!body.empty()) Write(body);
}

bool OutboxReply::Write(std::string_view piece) {
  if (piece.empty() || state_->head_only) return !outbox_->gone();
  char size[24];
  const int n = std::snprintf(size, sizeof(size), "%zx\r\n", piece.size());
  std::string chunk(size, static_cast<size_t>(n));
  chunk.append(piece).append("\r\n");
  return outbox_->Push(std::move(chunk), 0) == Outbox::Put::kTaken;
}

void OutboxReply::End() {
  ended_ = true;
  bool begun = false;
  {
    const std::lock_guard lock(state_->mutex);
    begun = state_->begun;
  }
  if (!begun) {
    return Send(ErrorAnswer(500, "server_error", "no_answer", "The request was given up."));
  }
  Finish("0\r\n\r\n");
}

void OutboxReply::SetHead(Answer head) {
  const std::lock_guard lock(state_->mutex);
  state_->head = std::move(head);
  state_->begun = true;
}

void OutboxReply::Finish(std::string last) {
  if (!state_->head_only) outbox_->Push(std::move(last), 0);
  outbox_->Close(0, "");
}

Written WriteAnswer(lws* wsi, AnswerState& state, Outbox& outbox) {
  {
    const std::lock_guard lock(state.mutex);
    if (!state.begun) return Written::kMore;
    if (!state.head_sent) {
      if (!WriteHead(wsi, state.head)) return Written::kBroken;
      state.head_sent = true;
      lws_callback_on_writable(wsi);
      return Written::kMore;
    }
  }
  while (std::optional<Outbox::Message> piece = outbox.Take()) {
    if (!piece->text.empty()) {
      state.sending.assign(LWS_PRE, '\0');
      state.sending += piece->text;
      auto* payload = reinterpret_cast<unsigned char*>(state.sending.data()) + LWS_PRE;
      const size_t size = piece->text.size();
      if (lws_write(wsi, payload, size, LWS_WRITE_HTTP) < static_cast<int>(size)) {
        return Written::kBroken;
      }
    }
    if (lws_send_pipe_choked(wsi) != 0) break;
  }
  if (outbox.bytes() > 0 || lws_partial_buffered(wsi) != 0) {
    lws_callback_on_writable(wsi);
    return Written::kMore;
  }
  return outbox.closing() ? Written::kAll : Written::kMore;
}

int WriteRefusal(lws* wsi, const Answer& answer) {
  Answer head = answer;
  head.headers.emplace_back("content-length", std::to_string(answer.body.size()));
  head.headers.emplace_back("connection", "close");
  if (!WriteHead(wsi, head)) return -1;
  std::string body = std::string(LWS_PRE, '\0') + answer.body;
  auto* payload = reinterpret_cast<unsigned char*>(body.data()) + LWS_PRE;
  lws_write(wsi, payload, answer.body.size(), LWS_WRITE_HTTP_FINAL);
  return 1;
}

}  // namespace parley::wire

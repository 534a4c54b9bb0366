// Where a session's events go: numbered, written, put into the client's dialect, sent.
// Thread:   one owner.
// Memory:   one message at a time.
// Overload: the socket's outbox is bounded; a client that reads too slowly loses its connection.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "server/metrics.h"
#include "wire/dialect.h"
#include "wire/server_events.h"
#include "wire/ws.h"

namespace parley::server {

class Outgoing {
 public:
  // `sent` counts events by their type and outlives it.
  Outgoing(std::shared_ptr<wire::Socket> socket, wire::Dialect dialect, LabelledCounter& sent)
      : socket_(std::move(socket)), dialect_(dialect), sent_(sent) {}

  void Send(const wire::ServerEvent& event, int64_t group = 0);
  // Sound of this group that is not written yet is taken back.
  void TakeBack(int64_t group) { socket_->TakeBack(group); }
  void Close(uint16_t code, std::string reason) { socket_->Close(code, std::move(reason)); }

 private:
  const std::shared_ptr<wire::Socket> socket_;
  const wire::Dialect dialect_;
  LabelledCounter& sent_;
  int64_t events_ = 0;
};

}  // namespace parley::server

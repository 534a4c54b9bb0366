// SPDX-License-Identifier: Apache-2.0
#include "server/outgoing.h"

#include "wire/codec.h"

namespace parley::server {

void Outgoing::Send(const wire::ServerEvent& event, int64_t group) {
  sent_.Add(wire::TypeOf(event));
  std::string text = wire::Encode(event, "event_" + std::to_string(++events_));
  if (dialect_ == wire::Dialect::kGa) {
    socket_->Send(std::move(text), group);
    return;
  }
  for (std::string& message : wire::ToDialect(dialect_, std::move(text))) {
    socket_->Send(std::move(message), group);
  }
}

}  // namespace parley::server

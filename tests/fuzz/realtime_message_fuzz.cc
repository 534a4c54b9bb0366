// A text frame of a stranger, as client and as server read it, in every dialect: whatever is read can
// be written, and what is written reads as the same.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/check.h"
#include "wire/codec.h"
#include "wire/dialect.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace parley::wire;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto client = DecodeClient(text);
  if (const auto* read = std::get_if<ClientMessage>(&client)) {
    const std::string written = Encode(read->event, read->event_id);
    const auto again = DecodeClient(written);
    PARLEY_CHECK(std::holds_alternative<ClientMessage>(again), "what was written can be read");
    const auto& event = std::get<ClientMessage>(again).event;
    PARLEY_CHECK(Encode(event, read->event_id) == written, "and is the same");
  }
  for (const Dialect dialect : {Dialect::kBeta, Dialect::kStep}) {
    const auto old = DecodeClient(FromDialect(dialect, std::string(text)));
    if (const auto* read = std::get_if<ClientMessage>(&old)) Encode(read->event, read->event_id);
  }
  const auto server = DecodeServer(text);
  if (const auto* read = std::get_if<ServerMessage>(&server)) {
    const auto again = DecodeServer(Encode(read->event, read->event_id));
    PARLEY_CHECK(std::holds_alternative<ServerMessage>(again), "what was written can be read");
    for (const Dialect dialect : {Dialect::kBeta, Dialect::kStep}) {
      ToDialect(dialect, Encode(read->event, read->event_id));
    }
  }
  return 0;
}

// The body of a stranger's HTTP request, as every endpoint that takes one reads it: a request, or a
// message that says what is wrong.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/check.h"
#include "server/chat_request.h"
#include "server/request_bodies.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace parley::server;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  constexpr int32_t kVocabulary = 49152;
  if (const auto chat = ParseChatRequest(body, kVocabulary)) {
    PARLEY_CHECK(!chat->messages.empty(), "a chat has messages");
    for (const parley::TokenId id : chat->options.stop_ids) {
      PARLEY_CHECK(id >= 0 && id < kVocabulary, "stop ids are of the vocabulary");
    }
  } else {
    PARLEY_CHECK(!chat.error().message.empty(), "a refusal says why");
  }
  if (const auto speech = ParseSpeechRequest(body, {"joe", "ann"})) {
    PARLEY_CHECK(speech->voice == "joe" || speech->voice == "ann", "a voice that there is");
    PARLEY_CHECK(speech->speed >= 0.5F && speech->speed <= 2.0F, "a speed that it can speak at");
  }
  if (const auto secret = ParseSecretRequest(body, 600)) {
    PARLEY_CHECK(secret->seconds >= 10 && secret->seconds <= 7200, "a life within bounds");
  }
  // What was generated, cut anywhere: no more is given than came.
  ReasoningSplitter splitter(size % 2 == 0);
  size_t given = 0;
  const auto count = [&](const ReasoningSplitter::Piece& piece) {
    given += piece.reasoning.size() + piece.content.size();
  };
  for (size_t at = 0; at < size;) {
    const size_t n = 1 + data[at] % 7;
    count(splitter.Push(body.substr(at, n)));
    at += n;
  }
  count(splitter.Flush());
  PARLEY_CHECK(given <= size, "no more than came");
  return 0;
}

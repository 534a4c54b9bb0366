// The body of POST /v1/chat/completions.
// Thread:   plain values, pure functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "common/result.h"
#include "engine/engine.h"

namespace parley::server {

struct ChatPart {
  std::string text;
  std::string sound;  // the bytes of a sound file; then `text` is its transcript, once there is one
};

struct ChatMessage {
  std::string role;  // "system", "user", "assistant", "tool"
  std::vector<ChatPart> parts;
  std::string Text() const;
};

struct ChatRequest {
  std::vector<ChatMessage> messages;
  bool stream = false;
  bool include_usage = false;       // at the end of a stream
  bool include_reasoning = false;   // split thought from content
  bool continue_final = false;      // the last message is the beginning of the answer
  engine::GenerateOptions options;  // stop ids of the model are not in it yet
};

// kInvalidArgument says which field is wrong. Unknown fields are ignored; stop ids outside the
// vocabulary too.
Result<ChatRequest> ParseChatRequest(std::string_view body, int32_t vocabulary);

// Splits what is generated at the end of thought, wherever pieces of text begin and end.
class ReasoningSplitter {
 public:
  explicit ReasoningSplitter(bool in_thought) : in_thought_(in_thought) {}
  struct Piece {
    std::string reasoning, content;
  };
  Piece Push(std::string_view text);
  Piece Flush();

 private:
  bool in_thought_;
  bool begun_ = false;  // something of the answer was given
  std::string held_;
};

}  // namespace parley::server

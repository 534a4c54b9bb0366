// A tool call as a model writes it, and how it is found in a stream of text. Two bodies are known:
//   {"name": "weather", "arguments": {"city": "Bonn"}}      Qwen, SmolLM2, and between the marks of a
//                                                           model that takes notes
//   function\nweather\n{"city": "Bonn"}                     Step-Audio
// In text they stand between <tool_call> and </tool_call>, which a tokenizer may split anywhere.
// What a model writes is not trusted: a body is followed character by character, so that a tag of
// thought inside one of its strings is a part of the string, and one outside of them breaks the
// call there and then; what stands behind the break, up to the next '<', is not text either.
// Thread:   plain values and functions.
// Memory:   the part of a mark that is held back, or the body of one call, at most kLongestCall.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/result.h"

namespace parley::realtime {

struct ToolCall {
  std::string name;
  std::string arguments = "{}";  // a JSON object on one line
};

// Around a call in text.
inline constexpr std::string_view kCallTag = "<tool_call>", kCallEndTag = "</tool_call>";
inline constexpr size_t kLongestCall = 4096;  // bytes of a body
inline constexpr int kDeepestCall = 32;       // brackets within brackets

// The body between the marks, of either kind. kCorruptData says what is wrong, in words that a
// model can be told.
Result<ToolCall> ParseToolCall(std::string_view body);

// Follows a body while it is written.
class ToolCallBody {
 public:
  enum class State {
    kHead,      // nothing yet that makes it a call
    kOpen,      // a call that is not finished
    kComplete,  // its last bracket is closed
    kBroken,    // this character cannot stand here; it was not taken
    kNoCall     // what stands here is ordinary text; it was not taken
  };
  State Push(char c);
  const std::string& text() const { return text_; }

 private:
  enum class Place { kHead, kFunction, kName, kBeforeJson, kJson, kString, kEscape, kEnd };
  State Json(char c);

  Place place_ = Place::kHead;
  std::string text_;
  std::string open_;    // brackets, innermost last
  size_t matched_ = 0;  // of "function\n"
};

class ToolCallScanner {
 public:
  // Text outside of calls, or a call: an error when it is broken or too long.
  using Piece = std::variant<std::string, Result<ToolCall>>;

  std::vector<Piece> Push(std::string_view more);
  std::vector<Piece> Flush();  // the stream has ended

  bool in_call() const { return state_ != State::kOutside; }
  // Nothing is held back.
  bool clean() const { return state_ == State::kOutside && held_.empty(); }

 private:
  enum class State { kOutside, kBody, kBehind, kBroken };
  void Outside(char c, std::vector<Piece>& out);
  void Body(char c, std::vector<Piece>& out);
  void Behind(char c, std::vector<Piece>& out);
  void Take(char c, std::vector<Piece>& out);
  void GiveText(std::string_view text, std::vector<Piece>& out);
  void GiveBody(std::vector<Piece>& out);

  State state_ = State::kOutside;
  std::string held_;  // what may become a mark
  ToolCallBody body_;
};

}  // namespace parley::realtime

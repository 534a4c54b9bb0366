// Three kinds of text that must never be taken for one another.
// ThoughtText is private: nothing turns it into speech. AnswerText may be spoken: only the parser
// that has seen the end of thought can make one. CallerText was written by a caller of
// /v1/audio/speech, not by a model. There is no conversion between them, and no common base class
// to slip through.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace parley {

namespace realtime {
class AnswerParser;  // realtime/mind/parser.h: the only maker of AnswerText
}

class ThoughtText {
 public:
  explicit ThoughtText(std::string text) : text_(std::move(text)) {}
  // Shown to whoever asked to see thoughts, never synthesised.
  std::string_view ForTrace() const { return text_; }

 private:
  std::string text_;
};

class AnswerText {
 public:
  class Key {  // passkey: only the parser can make one
    friend class realtime::AnswerParser;
    Key() = default;
  };
  AnswerText(Key, std::string text) : text_(std::move(text)) {}
  std::string_view view() const { return text_; }
  // A part of an answer is an answer: what the clause chunker cuts. Byte offsets, clamped.
  [[nodiscard]] AnswerText Slice(size_t begin, size_t end) const;
  void Append(const AnswerText& more) { text_ += more.text_; }

 private:
  explicit AnswerText(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

class CallerText {
 public:
  explicit CallerText(std::string text) : text_(std::move(text)) {}
  std::string_view view() const { return text_; }

 private:
  std::string text_;
};

}  // namespace parley

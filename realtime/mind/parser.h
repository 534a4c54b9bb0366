// Splits a model's stream into what may be spoken and what may not: the only maker of AnswerText.
// Thought stands between tags of ordinary text, which a tokenizer may split anywhere, so they are
// looked for in the text; what could still become a tag is held back. Special tokens never pass.
// Thread:   plain value; one owner, one stream.
// Memory:   the part of a tag that is held back.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "common/ids.h"
#include "common/spoken_text.h"
#include "model/tokenizer.h"

namespace parley::realtime {

struct ParserOptions {
  bool begins_in_thought = false;  // the prompt already holds the opening tag
  std::string open_tag = "<think>";
  std::string close_tag = "</think>";
};

class AnswerParser {
 public:
  using Piece = std::variant<AnswerText, ThoughtText>;

  AnswerParser(std::shared_ptr<const model::Tokenizer> tokenizer, ParserOptions options);

  std::vector<Piece> Push(TokenId id);
  std::vector<Piece> Flush();  // the stream has ended: what is held back is what it looks like

  bool in_thought() const { return in_thought_; }
  // Nothing is held back: the text so far ends exactly where the ids so far end.
  bool clean() const { return held_.empty() && stream_clean_; }
  int64_t special_dropped() const { return special_dropped_; }

 private:
  void Take(std::string text, bool last, std::vector<Piece>& out);
  void Give(std::string_view text, std::vector<Piece>& out);

  const std::shared_ptr<const model::Tokenizer> tokenizer_;
  const ParserOptions options_;
  model::TextStream stream_;
  std::string held_;
  size_t bytes_in_ = 0, bytes_out_ = 0;  // of the text stream: equal when no character is open
  bool stream_clean_ = true;
  bool in_thought_;
  bool answer_begun_ = false;  // white space before the first word is not part of the answer
  int64_t special_dropped_ = 0;
};

}  // namespace parley::realtime

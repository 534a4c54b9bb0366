// Splits a model's stream into what may be spoken and what may not: the only maker of AnswerText.
// Thought stands between marks that are ids of their own, or between tags of ordinary text, which a
// tokenizer may split anywhere: they are looked for in the text, and what could still become a tag
// is held back. Calls of tools are taken out of thought and answer alike. Special tokens never pass.
// Thread:   plain value; one owner, one stream.
// Memory:   the part of a tag that is held back, and one call.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/ids.h"
#include "common/spoken_text.h"
#include "model/tokenizer.h"
#include "realtime/tools/tool.h"
#include "realtime/tools/tool_call.h"

namespace parley::realtime {

struct ParserOptions {
  bool begins_in_thought = false;  // the prompt already holds the opening tag
  bool goes_on = false;            // the prompt ends in the middle of an answer
  std::string open_tag = "<think>";
  std::string close_tag = "</think>";
  std::optional<TokenId> close_id{};  // a mark that ends a thought
  // Marks around a call; a call in text stands between <tool_call> and </tool_call>.
  std::optional<TokenId> call_id{}, call_end_id{};
};

// The few things that are said without a model.
enum class Phrase : uint8_t {
  kCover,       // a thought takes long
  kToolCover,   // a tool takes long
  kToolFailed,  // and has failed
  kCorrection   // what comes now is right, what was said is not
};

class AnswerParser {
 public:
  using Piece = std::variant<AnswerText, ThoughtText, Result<ToolCall>>;

  AnswerParser(std::shared_ptr<const model::Tokenizer> tokenizer, ParserOptions options);

  std::vector<Piece> Push(TokenId id);
  // The stream has ended. What is held back is thought or answer, whatever it stands in; but an
  // answer's half a tag ("<tool_c") is neither.
  std::vector<Piece> Flush();
  // The driver has ended the thought: what is held back was thought, what comes is answer.
  std::vector<Piece> EndThought();

  bool in_thought() const { return in_thought_; }
  bool in_call() const { return call_by_id_ || calls_.in_call(); }
  // Nothing is held back: the text so far ends exactly where the ids so far end.
  bool clean() const { return held_.empty() && stream_clean_ && !call_by_id_ && calls_.clean(); }
  int64_t special_dropped() const { return special_dropped_; }

  // A phrase was written by us, not by a model: it may be spoken. So was a notice.
  static AnswerText Spoken(Phrase phrase);
  static AnswerText Spoken(const ToolNotice& notice) { return {AnswerText::Key(), notice.text}; }

 private:
  void Take(std::string_view text, bool last, std::vector<Piece>& out);
  void SplitThought(std::string_view text, bool last, std::vector<Piece>& out);
  void Give(std::string_view text, std::vector<Piece>& out);

  const std::shared_ptr<const model::Tokenizer> tokenizer_;
  const ParserOptions options_;
  model::TextStream stream_;
  ToolCallScanner calls_;
  std::string held_;
  std::string call_;                     // its body so far, between marks that are ids
  bool call_by_id_ = false;              // we stand in it
  size_t bytes_in_ = 0, bytes_out_ = 0;  // of the text stream: equal when no character is open
  bool stream_clean_ = true;
  bool in_thought_;
  bool tagged_;        // by a tag of text, which another may close
  bool answer_begun_;  // white space before the first word is not part of the answer
  int64_t special_dropped_ = 0;
};

}  // namespace parley::realtime

// What a talk's sequence holds: the system prompt, then what was said and what was heard, as ids.
// The claim and the cache change together: every change is an edit, "keep so many positions, then
// append these", which somebody else carries out on the engine.
//
// The user's words are always one tokenisation of their text so far; an answer's words are the ids
// that the model gave, never tokenised again, cut where the listener stopped hearing them.
//
// Thread:   plain value; one owner.
// Memory:   one id a position, at most max_tokens of them, and the text of every exchange kept.
// Overload: before a talk outgrows max_tokens its oldest exchanges are forgotten (forgotten());
//           words of one turn that alone are too many lose their beginning (truncated_tokens()).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/config_fields.h"
#include "engine/engine.h"
#include "model/tokenizer.h"
#include "realtime/mind/prompt_pieces.h"

namespace parley::realtime {

struct HistoryConfig {
  int32_t max_tokens = 2048;

  template <class V>
  void VisitFields(V&& v) {
    v("max_tokens", max_tokens, Range{256, 1 << 20},
      "positions a talk may hold; its oldest exchanges are forgotten before it outgrows them");
  }
};

struct TrunkEdit {
  engine::Position keep = 0;
  std::vector<TokenId> append;
};

class Trunk {
 public:
  // `answer_tokens`: room that must be left behind every prompt.
  Trunk(const HistoryConfig& config, int32_t answer_tokens, PromptPieces pieces,
        std::shared_ptr<const model::Tokenizer> tokenizer);

  TrunkEdit Open();                              // the system prompt; once, first
  TrunkEdit Hear(std::string_view text_so_far);  // of the user's turn
  TrunkEdit Unhear();                            // nothing was said, or it is heard again

  // What the sequence holds when the answer to `text` begins, relative to what it holds now.
  TrunkEdit Ask(std::string_view text);
  // `edit` of Ask has been carried out and is the trunk now.
  void Asked(const TrunkEdit& edit, std::string_view text);

  void Answered(TokenId id);  // one more id of the answer, in the cache already
  // The answer ends behind `ids` of its ids and then `tail`, text that no id ends with.
  TrunkEdit CloseAnswer(size_t ids, std::string_view tail, std::string_view heard_text);
  // Forgets the answer and the question, so that the question can be heard further.
  TrunkEdit Reopen();

  const std::vector<TokenId>& ids() const { return ids_; }
  engine::Position size() const { return static_cast<engine::Position>(ids_.size()); }
  bool answering() const { return state_ == State::kAnswer; }

  struct Exchange {
    size_t begin = 0;  // position of its first id
    std::string user, answer;
  };
  const std::vector<Exchange>& exchanges() const { return exchanges_; }
  int64_t reprefilled() const { return reprefilled_; }  // ids that were appended in vain
  int64_t forgotten() const { return forgotten_; }
  int64_t truncated_tokens() const { return truncated_tokens_; }

 private:
  enum class State { kIdle, kUser, kAnswer };
  TrunkEdit Become(std::vector<TokenId> wanted);
  TrunkEdit Diff(const std::vector<TokenId>& wanted) const;
  std::vector<TokenId> WithUser(std::string_view text);

  const size_t max_tokens_;
  const size_t answer_tokens_;
  const PromptPieces pieces_;
  const std::shared_ptr<const model::Tokenizer> tokenizer_;
  std::vector<TokenId> ids_;
  std::vector<Exchange> exchanges_;  // closed
  State state_ = State::kIdle;
  size_t begin_ = 0;         // of the exchange that is open
  size_t words_end_ = 0;     // of the user's words, once asked
  size_t answer_begin_ = 0;  // of the answer's words
  std::string user_;
  int64_t reprefilled_ = 0, forgotten_ = 0, truncated_tokens_ = 0;
};

}  // namespace parley::realtime

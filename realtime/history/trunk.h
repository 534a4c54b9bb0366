// What a talk's sequence holds: the system prompt, then what was said and what was heard, as ids.
// The claim and the cache change together: every change is an edit, "keep so many positions, then
// append these", which somebody else carries out on the engine.
//
// In a closed exchange the user's words are one tokenisation of their text; an answer's words are
// the ids that the model gave, never tokenised again, cut where the listener stopped hearing them.
// What an open exchange holds is the mind's affair.
//
// Thread:   plain value; one owner.
// Memory:   one id a position, at most max_tokens of them, and the text of every exchange kept.
// Overload: before a talk outgrows max_tokens its oldest exchanges are forgotten (forgotten());
//           words of one turn that alone are too many lose their beginning (truncated_tokens()).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/config_fields.h"
#include "engine/engine.h"
#include "model/tokenizer.h"
#include "realtime/mind/prompt_pieces.h"

namespace parley::realtime {

struct HistoryConfig {
  int32_t max_tokens = 2048;
  std::string interruption_note = " \u2014";

  template <class V>
  void VisitFields(V&& v) {
    v("max_tokens", max_tokens, Range{256, 1 << 20},
      "positions a talk may hold; its oldest exchanges are forgotten before it outgrows them");
    v("interruption_note", interruption_note,
      "what the model reads behind the words of an answer after which it was interrupted");
  }
};

struct TrunkEdit {
  engine::Position keep = 0;
  std::vector<TokenId> append;
  bool cuts = false;  // something behind `keep` goes
};

class Trunk {
 public:
  // `room`: tokens of thought and answer that must fit behind every prompt.
  Trunk(const HistoryConfig& config, int32_t room, PromptPieces pieces,
        std::shared_ptr<const model::Tokenizer> tokenizer);

  TrunkEdit Open();  // the system prompt; once, first

  // ---- the open exchange
  TrunkEdit Hear(std::string_view text_so_far);  // the user's words, and nothing behind them
  // From now on the user's words of this exchange are these frames, whatever their text.
  void SetFrames(std::vector<TokenId> frames) { frames_ = std::move(frames); }
  const std::vector<TokenId>& frames() const { return frames_; }
  // And these are words that were typed beside them.
  void SetTyped(std::vector<TokenId> typed) { typed_ = std::move(typed); }
  TrunkEdit Unhear();  // nothing was said, or it is heard again
  // What a branch of the trunk must hold for an answer to `text`, relative to what the trunk holds
  // now; `answer_open` of the pieces, or another opening, stands behind the words.
  TrunkEdit Ask(std::string_view text) const { return Ask(text, pieces_.answer_open); }
  TrunkEdit Ask(std::string_view text, const std::vector<TokenId>& answer_open) const;
  // The same once Hear(text) has been carried out.
  TrunkEdit AskHeard(std::string_view text, const std::vector<TokenId>& answer_open) const;
  void Adopt(std::vector<TokenId> ids);       // a branch that holds these has become the trunk
  void Took(TokenId id);                      // one more, in the cache already
  TrunkEdit RollBack(engine::Position keep);  // forgets what is behind

  // The exchange is over: the user's words, the ids of the answer that were heard and then `tail`,
  // text that no id ends with. Whatever else stood in it, thought above all, goes.
  TrunkEdit Close(std::string_view user, std::span<const TokenId> answer, std::string_view tail,
                  std::string_view heard_text);

  // The exchange that was closed last goes on: the user's words, and these ids of its answer.
  TrunkEdit Reopen(std::span<const TokenId> answer);

  // Everything closed is replaced. What is the same from the beginning on keeps its ids.
  struct Said {
    std::string user, answer;
  };
  TrunkEdit Restore(std::vector<TokenId> system, const std::vector<Said>& said);

  const std::vector<TokenId>& ids() const { return ids_; }
  engine::Position size() const { return static_cast<engine::Position>(ids_.size()); }
  engine::Position begin() const {
    return static_cast<engine::Position>(begin_);
  }  // of the open exchange
  bool exchange_open() const { return exchange_open_; }
  const PromptPieces& pieces() const { return pieces_; }

  struct Exchange {
    size_t begin = 0;  // position of its first id
    std::string user, answer;
    size_t answer_begin = 0;  // position of the first id of its answer
  };
  const std::vector<Exchange>& exchanges() const { return exchanges_; }
  int64_t reprefilled() const { return reprefilled_; }  // ids that were appended in vain
  int64_t forgotten() const { return forgotten_; }
  int64_t truncated_tokens() const { return truncated_tokens_; }

 private:
  void BeginExchange();
  TrunkEdit Become(std::vector<TokenId> wanted);
  std::vector<TokenId> Asked(std::string_view text, const std::vector<TokenId>& answer_open,
                             int64_t* lost) const;
  std::vector<TokenId> Behind(const std::vector<TokenId>& answer_open) const;
  TrunkEdit Diff(const std::vector<TokenId>& wanted) const;
  std::vector<TokenId> WithUser(std::string_view text, size_t behind, int64_t* lost) const;
  void Forget(std::vector<TokenId>& wanted);

  const size_t max_tokens_;
  const size_t room_;
  PromptPieces pieces_;
  const std::shared_ptr<const model::Tokenizer> tokenizer_;
  std::vector<TokenId> ids_;
  std::vector<TokenId> frames_;      // of the open exchange
  std::vector<TokenId> typed_;       // behind them
  std::vector<Exchange> exchanges_;  // closed
  bool exchange_open_ = false;
  size_t begin_ = 0;  // of the exchange that is open, or where the next one will begin
  int64_t reprefilled_ = 0, forgotten_ = 0, truncated_tokens_ = 0;
};

}  // namespace parley::realtime

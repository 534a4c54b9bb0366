// One stream of a model, token by token: what it thinks, what it says, what it calls. What is said
// keeps its ids, so that spoken text is never tokenised again; only a token that ends a thought and
// begins an answer at once is replaced, by the ids of the answer's part. The ids of a tag or a call in
// an answer are none of it: whoever goes on from what was said would go on inside a thought.
// Thread:   plain value; one owner, one stream.
// Memory:   as AnswerParser.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "realtime/mind/mind.h"
#include "realtime/mind/parser.h"

namespace parley::realtime {

struct SpokenToken {
  std::optional<AnswerText> text;  // what it adds to the answer
  std::optional<TokenId> id;       // absent: text that was held back and belongs to earlier ids
  bool clean = true;
};

class StreamReader {
 public:
  struct Read {
    std::string thought;
    std::vector<SpokenToken> spoken;
    std::optional<Result<ToolCall>> call;
  };

  StreamReader(std::shared_ptr<const model::Tokenizer> tokenizer, const ParserOptions& options)
      : tokenizer_(tokenizer), parser_(std::move(tokenizer), options), begun_(options.goes_on) {}

  Read Push(TokenId id);
  Read EndThought() { return Sort(parser_.EndThought(), std::nullopt); }
  Read End();  // of the stream

  bool in_thought() const { return parser_.in_thought(); }
  bool in_call() const { return parser_.in_call(); }
  bool clean() const { return parser_.clean(); }

 private:
  Read Sort(std::vector<AnswerParser::Piece> pieces, std::optional<TokenId> id);

  std::shared_ptr<const model::Tokenizer> tokenizer_;
  AnswerParser parser_;
  bool begun_;                 // the answer
  std::vector<TokenId> held_;  // ids whose text the parser holds back
};

// Says it.
void SayTokens(std::vector<SpokenToken> tokens, std::vector<mind::Action>& out);
// A phrase of ours as if a model had said it.
std::vector<SpokenToken> Spell(Phrase phrase, const model::Tokenizer& tokenizer);

}  // namespace parley::realtime

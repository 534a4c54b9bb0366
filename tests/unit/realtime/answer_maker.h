// AnswerText for tests, made the only way there is: by the parser.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "realtime/mind/parser.h"
#include "support/word_tokenizer.h"

namespace parley::test {

// A leading mark keeps white space at the front, which the parser takes from the front of an answer.
inline AnswerText MakeAnswer(std::string_view text) {
  const auto tokenizer = std::make_shared<WordTokenizer>();
  realtime::AnswerParser parser(tokenizer, {});
  std::optional<AnswerText> answer;
  const auto take = [&](std::vector<realtime::AnswerParser::Piece> pieces) {
    for (auto& piece : pieces) {
      auto& more = std::get<AnswerText>(piece);
      if (answer) {
        answer->Append(more);
      } else {
        answer = std::move(more);
      }
    }
  };
  for (const TokenId id : tokenizer->Encode("|" + std::string(text))) take(parser.Push(id));
  take(parser.Flush());
  return answer->Slice(1, answer->view().size());
}

}  // namespace parley::test

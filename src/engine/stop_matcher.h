// Watches the text of a stream for the texts that end it. A token is held back while a stop text might begin in it, so
// that what is delivered never holds a part of one, wherever the tokens split it.
// Thread:   one owner (the engine's step).
// Memory:   a few bytes more than the longest stop text; no allocation after the first tokens.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "model/tokenizer.h"

namespace parley::engine {

class StopMatcher {
 public:
  // `tokenizer` may be null when there are no texts. Empty texts are ignored.
  StopMatcher(std::vector<std::string> texts, const model::Tokenizer* tokenizer);

  struct Outcome {
    int release = 0;  // this many of the held tokens, oldest first, may be delivered
    bool matched = false;
    std::string_view
        text;  // matched: of the first token that is not delivered, what stands before the match
  };
  Outcome Push(TokenId id);  // holds the token, then says what may go
  int held() const { return static_cast<int>(ends_.size()); }

 private:
  size_t FindMatch() const;        // offset of the earliest match, or npos
  size_t FindPossible() const;     // offset from which a stop text may be beginning, or the size
  int Release(size_t safe_bytes);  // tokens that end at or before it

  std::vector<std::string> texts_;
  const model::Tokenizer* tokenizer_;
  std::string bytes_;         // of the held tokens
  std::vector<size_t> ends_;  // of the held tokens in bytes_
  size_t longest_ = 0;
};

}  // namespace parley::engine

// Tokens that stand beside the byte-pair vocabulary ("<|im_end|>", "<audio_12>"), found in text as Hugging Face's
// AddedVocabulary finds them: leftmost, then longest; lstrip and rstrip take the white space around them along.
// Thread:   const after construction.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"

namespace parley::model {

struct AddedToken {
  std::string content;
  TokenId id = 0;
  bool special = true;      // left out when text is made of ids
  bool normalized = false;  // looked for in normalised text instead of the text as it came
  bool lstrip = false;
  bool rstrip = false;
};

class AddedTokenFinder {
 public:
  struct Piece {
    std::string_view text;
    TokenId id = -1;  // -1: plain text
  };

  explicit AddedTokenFinder(std::vector<AddedToken> tokens);
  bool empty() const { return tokens_.empty(); }
  // The pieces of `text` in order; plain pieces are not empty.
  std::vector<Piece> Split(std::string_view text) const;

 private:
  const AddedToken* LongestAt(std::string_view text, size_t at) const;

  std::vector<AddedToken> tokens_;  // sorted by content
};

}  // namespace parley::model

// What a tokenizer is made of, as its readers (GGUF, tokenizer.json) find it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.h"
#include "model/added_tokens.h"
#include "model/pretokenizer.h"
#include "model/tokenizer.h"

namespace parley::model {

struct TokenizerSpec {
  std::vector<std::string> tokens;  // by id, in the byte-level alphabet; "" for a gap
  std::vector<std::pair<std::string, std::string>> merges;  // by rank
  std::vector<AddedToken> added;
  PreTokenizer pre_tokenizer = PreTokenizer::kGpt2;
  bool nfc = false;
};

// `where` (a path) is named in errors.
Result<std::shared_ptr<const Tokenizer>> BuildTokenizer(const std::string& where,
                                                        TokenizerSpec spec);

}  // namespace parley::model

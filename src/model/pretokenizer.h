// Cuts text into the words that byte-pair encoding never merges across, as the patterns of Hugging Face tokenizers do.
// Hand-written: the patterns need \p{L}, \p{N} and a look-ahead, and run over every word that a model reads.
// Thread:   any.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace parley::model {

enum class PreTokenizer : uint8_t {
  kGpt2,        // 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
  kDigitsGpt2,  // every \p{N} alone, then kGpt2 over what stands between them
  kQwen2,  // (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
};

// The pre-tokenizer that has this pattern, written exactly so.
std::optional<PreTokenizer> PreTokenizerOfPattern(std::string_view pattern);

// The pieces of `utf8` in order; together they are all of it.
std::vector<std::string_view> PreTokenize(PreTokenizer kind, std::string_view utf8);

}  // namespace parley::model

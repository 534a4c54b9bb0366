// The characters of a text, folded to what an English voice can say, each with its bytes in the
// original. Accents are taken off, typographic quotes and spaces become plain ones, marks without a
// sound disappear; scripts and pictures that the voice cannot speak become kUnspoken.
// Thread:   plain functions.
// Memory:   one entry a character; a ligature gives several entries with the same bytes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace parley::tts {

inline constexpr char32_t kUnspoken = 0xFFFC;  // separates words, says nothing

struct TextChar {
  char32_t code = 0;
  size_t begin = 0;  // bytes of the original text
  size_t end = 0;
};

// Never fails: a byte that is not UTF-8 is one kUnspoken.
std::vector<TextChar> FoldText(std::string_view text);

inline bool IsDigit(char32_t c) { return c >= '0' && c <= '9'; }
inline bool IsUpper(char32_t c) { return c >= 'A' && c <= 'Z'; }
inline bool IsLower(char32_t c) { return c >= 'a' && c <= 'z'; }
inline bool IsLetter(char32_t c) { return IsUpper(c) || IsLower(c); }
inline bool IsAlnum(char32_t c) { return IsLetter(c) || IsDigit(c); }
inline bool IsSpace(char32_t c) { return c == ' ' || c == '\t' || c == '\n'; }
inline char ToLower(char32_t c) { return static_cast<char>(IsUpper(c) ? c + 32 : c); }

}  // namespace parley::tts

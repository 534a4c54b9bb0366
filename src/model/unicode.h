// The Unicode that tokenizers need: decoding UTF-8, classes of characters, NFC. The home of utf8proc.
// Bytes that are not UTF-8 count as U+FFFD, one for each maximal part of a sequence (what Rust's from_utf8_lossy, Python's
// errors="replace" and browsers do). A character that is newer than utf8proc's tables is kOther.
// Thread:   any.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace parley::model {

inline constexpr char32_t kReplacement = 0xFFFD;

// As the classes \p{L}, \p{N} and \s of the tokenizers' patterns; everything else is kOther.
enum class CharClass : uint8_t { kLetter, kNumber, kSpace, kOther };
CharClass ClassOf(char32_t character);

struct Decoded {
  char32_t character = 0;
  size_t bytes = 0;  // that it takes; at least 1
  bool valid = true;
};
// The character at `at`, which must be inside.
Decoded DecodeAt(std::string_view text, size_t at);
void AppendUtf8(std::string& out, char32_t character);

bool IsUtf8(std::string_view text);
// `text` with everything that is not UTF-8 replaced by U+FFFD.
std::string ReplaceInvalid(std::string_view text);
// How many bytes at the end may be the beginning of a character whose rest has not come yet (0 to 3).
size_t IncompleteTail(std::string_view text);

// Canonical composition; `text` must be UTF-8.
std::string Nfc(std::string_view text);

}  // namespace parley::model

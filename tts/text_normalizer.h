// Text as written -> words as spoken: numbers, money, dates, abbreviations, addresses and marks
// become English words, each with the bytes of the original text that it stands for. What has no
// sound (markdown, emoji, scripts the voice cannot read) is dropped.
// Thread:   a pure function.
// Memory:   a few entries a word.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace parley::tts {

enum class SpokenAs {
  kWord,    // look it up
  kLetter,  // say the name of the letter: "b", in the plural "b's"
};

struct SpokenWord {
  std::string text;       // a-z and '
  size_t char_begin = 0;  // bytes of the original text; several words may share a span
  size_t char_end = 0;
  SpokenAs as = SpokenAs::kWord;
  char pause = 0;  // the mark to make after it: one of , ; : . ? ! or none
  bool operator==(const SpokenWord&) const = default;
};

// Spans lie within the text and never go backwards; no words at all is a valid answer.
std::vector<SpokenWord> NormalizeText(std::string_view text);

}  // namespace parley::tts

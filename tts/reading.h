// Where a reader stands in a text and what it has said so far. The readers (numeric_readers.h,
// word_readers.h) each try one kind of thing at the cursor: they say it, move on and return true, or
// leave everything as it was and return false.
// Thread:   one Reading belongs to one call of NormalizeText.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tts/text_chars.h"
#include "tts/text_normalizer.h"

namespace parley::tts {

class Reading {
 public:
  explicit Reading(std::string_view text) : chars_(FoldText(text)) {}

  size_t at() const { return at_; }
  void MoveTo(size_t index);  // never between the letters of one ligature
  bool AtEnd() const { return at_ >= chars_.size(); }

  // Absolute index; beyond both ends there are spaces.
  char32_t Code(size_t index) const { return index < chars_.size() ? chars_[index].code : U' '; }
  char32_t Here() const { return Code(at_); }
  char32_t Before(size_t index) const { return index == 0 ? U' ' : Code(index - 1); }
  size_t size() const { return chars_.size(); }

  size_t SkipSpaces(size_t index) const;  // blanks and tabs, not new lines
  size_t EndOfDigits(size_t index) const;
  size_t EndOfLetters(size_t index) const;
  std::string Text(size_t begin, size_t end) const;             // ASCII, as written; others as '?'
  std::string Lower(size_t begin, size_t end) const;            // the same in lower case
  bool StartsWith(size_t index, std::string_view lower) const;  // whatever the case

  // Says the words of `phrase` (separated by spaces) for the characters [begin, end).
  void Say(std::string_view phrase, size_t begin, size_t end);
  void SayLetters(std::string_view letters, size_t begin, size_t end, bool plural = false);
  void Pause(char mark);  // after the last word; the stronger of two marks stays
  bool PausedSoFar() const { return words_.empty() || words_.back().pause != 0; }
  const std::vector<SpokenWord>& words() const { return words_; }
  std::vector<SpokenWord> TakeWords() { return std::move(words_); }

 private:
  void Add(std::string word, SpokenAs as, size_t begin, size_t end);

  std::vector<TextChar> chars_;
  size_t at_ = 0;
  std::vector<SpokenWord> words_;
};

}  // namespace parley::tts

// SPDX-License-Identifier: Apache-2.0
#include "tts/reading.h"

#include "common/check.h"

namespace parley::tts {
namespace {

int Strength(char mark) {
  constexpr std::string_view kRising = ",:;.?!";
  return mark == 0 ? -1 : static_cast<int>(kRising.find(mark));
}

}  // namespace

void Reading::MoveTo(size_t index) {
  while (index > 0 && index < size() && chars_[index].begin == chars_[index - 1].begin) ++index;
  at_ = index;
}

size_t Reading::SkipSpaces(size_t index) const {
  while (index < size() && (Code(index) == ' ' || Code(index) == '\t')) ++index;
  return index;
}

size_t Reading::EndOfDigits(size_t index) const {
  while (IsDigit(Code(index))) ++index;
  return index;
}

size_t Reading::EndOfLetters(size_t index) const {
  while (IsLetter(Code(index))) ++index;
  return index;
}

std::string Reading::Text(size_t begin, size_t end) const {
  std::string text;
  for (size_t i = begin; i < end; ++i) {
    text += Code(i) < 0x80 ? static_cast<char>(Code(i)) : '?';
  }
  return text;
}

std::string Reading::Lower(size_t begin, size_t end) const {
  std::string text = Text(begin, end);
  for (char& c : text) c = ToLower(static_cast<unsigned char>(c));
  return text;
}

bool Reading::StartsWith(size_t index, std::string_view lower) const {
  for (size_t i = 0; i < lower.size(); ++i) {
    const char32_t c = Code(index + i);
    if (c >= 0x80 || ToLower(c) != lower[i]) return false;
  }
  return true;
}

void Reading::Say(std::string_view phrase, size_t begin, size_t end) {
  while (!phrase.empty()) {
    const size_t space = phrase.find(' ');
    if (space != 0) Add(std::string(phrase.substr(0, space)), SpokenAs::kWord, begin, end);
    if (space == std::string_view::npos) break;
    phrase.remove_prefix(space + 1);
  }
}

void Reading::SayLetters(std::string_view letters, size_t begin, size_t end, bool plural) {
  for (size_t i = 0; i < letters.size(); ++i) {
    const char letter = ToLower(static_cast<unsigned char>(letters[i]));
    const bool last = i + 1 == letters.size();
    Add(std::string(1, letter) + (plural && last ? "'s" : ""), SpokenAs::kLetter, begin, end);
  }
}

void Reading::Pause(char mark) {
  if (words_.empty()) return;
  if (Strength(mark) > Strength(words_.back().pause)) words_.back().pause = mark;
}

void Reading::Add(std::string word, SpokenAs as, size_t begin, size_t end) {
  PARLEY_CHECK(begin < end && end <= size(), "a word must stand for characters of the text");
  words_.push_back({.text = std::move(word),
                    .char_begin = chars_[begin].begin,
                    .char_end = chars_[end - 1].end,
                    .as = as,
                    .pause = 0});
}

}  // namespace parley::tts

// SPDX-License-Identifier: Apache-2.0
#include "model/loop_guard.h"

#include <algorithm>
#include <string>
#include <vector>

namespace parley::model {
namespace {

constexpr size_t kPhraseWords = 3;  // a phrase this long does not follow itself in a hurry
constexpr size_t kRepeats = 4;      // any may be said three times: "no, no, no"

struct Word {
  std::string letters;  // lower case; bytes beyond ASCII as they are
  size_t end = 0;       // in the text
};

std::vector<Word> SplitWords(std::string_view text) {
  std::vector<Word> words;
  size_t i = 0;
  while (i < text.size()) {
    Word word;
    while (i < text.size() && text[i] != ' ') {
      const auto c = static_cast<unsigned char>(text[i++]);
      if (c >= 'A' && c <= 'Z') {
        word.letters += static_cast<char>(c - 'A' + 'a');
      } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80) {
        word.letters += static_cast<char>(c);
      }
    }
    word.end = i;
    if (!word.letters.empty()) {
      words.push_back(std::move(word));
    } else if (!words.empty()) {
      words.back().end = i;  // a lone dash belongs to the word before it
    }
    while (i < text.size() && text[i] == ' ') ++i;
  }
  return words;
}

bool SamePhrase(const std::vector<Word>& words, size_t a, size_t b, size_t count) {
  return std::equal(
      words.begin() + static_cast<std::ptrdiff_t>(a),
      words.begin() + static_cast<std::ptrdiff_t>(a + count),
      words.begin() + static_cast<std::ptrdiff_t>(b),
      [](const Word& one, const Word& other) { return one.letters == other.letters; });
}

}  // namespace

std::optional<size_t> FindLoop(std::string_view text, size_t fair_words) {
  const std::vector<Word> words = SplitWords(text);
  for (size_t begin = 0; begin < words.size(); ++begin) {
    for (size_t count = 1; begin + 2 * count <= words.size(); ++count) {
      size_t times = 1;
      while (begin + (times + 1) * count <= words.size() &&
             SamePhrase(words, begin, begin + times * count, count)) {
        ++times;
      }
      const bool hasty = count >= kPhraseWords && times >= 2 && begin + 2 * count > fair_words;
      if (hasty || times >= kRepeats) return words[begin + count - 1].end;
    }
  }
  return std::nullopt;
}

size_t CountWords(std::string_view text) { return SplitWords(text).size(); }

bool SaysAgain(std::string_view text, std::string_view more) {
  std::vector<Word> words = SplitWords(text);
  const size_t before = words.size();
  const std::vector<Word> after = SplitWords(more);
  words.insert(words.end(), after.begin(), after.end());
  for (size_t count = kPhraseWords; count <= std::min(before, after.size()); ++count) {
    if (SamePhrase(words, before - count, before, count)) return true;
  }
  return false;
}

}  // namespace parley::model

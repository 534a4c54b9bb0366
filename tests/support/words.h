// Word errors of a transcript: words without case and punctuation, small numbers spelt out, edit distance.
// Thread:   pure functions for test code.
// Memory:   lists of words.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace parley::test {

inline std::vector<std::string> Words(std::string_view text) {
  constexpr std::array kNumbers = {"zero", "one",   "two",   "three", "four", "five",
                                   "six",  "seven", "eight", "nine",  "ten"};
  std::vector<std::string> words;
  std::string word;
  const auto finish = [&] {
    for (size_t n = 0; n < kNumbers.size(); ++n) {
      if (word == std::to_string(n)) word = kNumbers[n];
    }
    if (!word.empty()) words.push_back(word);
    word.clear();
  };
  for (const char c : text) {
    if (c >= 'A' && c <= 'Z') {
      word += static_cast<char>(c - 'A' + 'a');
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '\'') {
      word += c;
    } else {
      finish();
    }
  }
  finish();
  return words;
}

// Insertions, deletions and substitutions that turn one into the other.
inline int WordErrors(const std::vector<std::string>& expected,
                      const std::vector<std::string>& heard) {
  std::vector<int> row(heard.size() + 1);
  for (size_t j = 0; j < row.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 1; i <= expected.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j < row.size(); ++j) {
      const int changed = diagonal + (expected[i - 1] == heard[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row.back();
}

}  // namespace parley::test

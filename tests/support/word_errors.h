// Word errors between what was meant and what was heard, both in spoken form ("$5" and "five dollars" are equal).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "tts/text_normalizer.h"

namespace parley::test {

struct WordErrors {
  int errors = 0;  // substitutions + insertions + deletions of the cheapest alignment
  int words = 0;   // of the reference
  double rate() const {
    return words == 0 ? (errors == 0 ? 0.0 : 1.0) : static_cast<double>(errors) / words;
  }
};

inline std::vector<std::string> SpokenForm(std::string_view text) {
  std::vector<std::string> words;
  for (const auto& word : tts::NormalizeText(text)) {
    std::string bare;
    for (const char c : word.text) {
      if (c != '\'' && c != '-') bare += c;
    }
    if (!bare.empty()) words.push_back(bare);
  }
  return words;
}

inline WordErrors CountWordErrors(std::string_view reference, std::string_view heard) {
  const std::vector<std::string> a = SpokenForm(reference);
  const std::vector<std::string> b = SpokenForm(heard);
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return {row[b.size()], static_cast<int>(a.size())};
}

}  // namespace parley::test

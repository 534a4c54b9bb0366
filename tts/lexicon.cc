// SPDX-License-Identifier: Apache-2.0
#include "tts/lexicon.h"

#include <array>

#include "common/check.h"
#include "tts/lexicon_data.h"

namespace parley::tts {

Lexicon::Lexicon() {
  std::string_view rest = kLexiconText;
  while (!rest.empty()) {
    const size_t newline = rest.find('\n');
    const std::string_view line = rest.substr(0, newline);
    rest.remove_prefix(newline == std::string_view::npos ? rest.size() : newline + 1);
    if (line.empty() || line.front() == '#') continue;
    const size_t gap = line.find(' ');
    PARLEY_CHECK(gap != std::string_view::npos && gap > 0 && gap + 1 < line.size(),
                 "lexicon_en.txt: expected a word, a blank and its sounds");
    const bool added = words_.emplace(line.substr(0, gap), line.substr(gap + 1)).second;
    PARLEY_CHECK(added, "lexicon_en.txt: a word stands twice");
  }
}

std::optional<std::string> Lexicon::Find(std::string_view word) const {
  if (const auto found = words_.find(word); found != words_.end()) {
    return std::string(found->second);
  }
  std::string_view stem = word;
  if (stem.ends_with("'s")) {
    stem.remove_suffix(2);
  } else if (stem.ends_with("s") && stem.size() > 3) {
    stem.remove_suffix(1);
  } else {
    return std::nullopt;
  }
  const auto found = words_.find(stem);
  if (found == words_.end()) return std::nullopt;
  return std::string(found->second) + std::string(PluralEnding(found->second));
}

std::string_view Lexicon::LetterName(char lower) const {
  const char key = static_cast<char>(lower - 'a' + 'A');
  const auto found = words_.find(std::string_view(&key, 1));
  PARLEY_CHECK(found != words_.end(), "lexicon_en.txt: a letter has no name");
  return found->second;
}

std::string_view PluralEnding(std::string_view ipa) {
  for (const std::string_view hiss : {"s", "z", "ʃ", "ʒ"}) {
    if (ipa.ends_with(hiss)) return "ᵻz";
  }
  for (const std::string_view voiceless : {"p", "t", "k", "f", "θ"}) {
    if (ipa.ends_with(voiceless)) return "s";
  }
  return "z";
}

}  // namespace parley::tts

// Pronunciations that come before the dictionary: names and terms it does not know, contractions,
// letters, and the small words that lose their stress in a sentence. Written by hand in
// lexicon_en.txt and compiled in.
// Thread:   const after construction.
// Memory:   views into the program; about 100 bytes a word.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace parley::tts {

class Lexicon {
 public:
  Lexicon();  // the words compiled in

  // Also finds the possessive or plural of a word that is in it: "kubernetes's", "gpus".
  std::optional<std::string> Find(std::string_view word) const;
  std::string_view LetterName(char lower) const;  // 'b' -> "bˈiː"
  size_t size() const { return words_.size(); }

 private:
  std::unordered_map<std::string_view, std::string_view> words_;
};

// What "-s" sounds like after these phones: s, z or ɪz.
std::string_view PluralEnding(std::string_view ipa);

}  // namespace parley::tts

// Spoken words -> how they sound, in the IPA that Piper voices were trained on (espeak-ng's
// American English): one word in, one string out; a stress mark stands before its vowel.
// Thread:   as the implementation says.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/result.h"
#include "tts/text_normalizer.h"

namespace parley::tts {

class Phonemizer {
 public:
  virtual ~Phonemizer() = default;
  // As many strings as words; a word that has no sound gives an empty one.
  virtual Result<std::vector<std::string>> Phonemize(std::span<const SpokenWord> words) = 0;
};

}  // namespace parley::tts

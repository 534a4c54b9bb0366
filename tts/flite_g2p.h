// The default Phonemizer: our lexicon first, then the CMU dictionary and letter rules of flite, in
// process. flite guesses the part of speech of every word, so "record" and "use" come out right.
// Thread:   any: flite's dictionary is behind one mutex for the process.
// Memory:   flite's tables are a few MB of the program, shared.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "tts/lexicon.h"
#include "tts/phonemizer.h"

namespace parley::tts {

class FliteG2p final : public Phonemizer {
 public:
  FliteG2p();
  ~FliteG2p() override;
  Result<std::vector<std::string>> Phonemize(std::span<const SpokenWord> words) override;

 private:
  Lexicon lexicon_;
};

}  // namespace parley::tts

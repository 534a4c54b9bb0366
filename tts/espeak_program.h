// A Phonemizer that asks the program espeak-ng, for those who installed it. It runs beside us, once
// for a text, as a process of its own: espeak-ng is GPL-3 and is never linked. Small words and what
// else stands in our lexicon are ours; the rest goes out one word a line and comes back so.
// Thread:   one thread at a time.
// Memory:   the answer, a few kB.
// Overload: an answer that does not come within two seconds is an error; the process is ended.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "tts/lexicon.h"
#include "tts/phonemizer.h"

namespace parley::tts {

class EspeakProgram final : public Phonemizer {
 public:
  // Tries it once; fails with what to install when the program is absent.
  static Result<std::unique_ptr<EspeakProgram>> Find(const std::string& program);

  Result<std::vector<std::string>> Phonemize(std::span<const SpokenWord> words) override;

 private:
  explicit EspeakProgram(std::string program) : program_(std::move(program)) {}

  std::string program_;
  Lexicon lexicon_;
};

}  // namespace parley::tts

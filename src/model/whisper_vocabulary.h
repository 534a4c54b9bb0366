// The ids that steer Whisper: its prompt, its end, and what it must not say.
// Thread:   const after Read.
// Memory:   one mask a value of the vocabulary.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "common/ids.h"
#include "common/result.h"
#include "model/tokenizer.h"
#include "weights/checkpoint.h"

namespace parley::model {

struct WhisperVocabulary {
  TokenId start = 0;              // <|startoftranscript|>
  TokenId transcribe = 0;         // <|transcribe|>
  TokenId no_timestamps = 0;      // <|notimestamps|>; timestamps are the ids above it
  TokenId no_speech = 0;          // <|nospeech|>, in older files <|nocaptions|>
  TokenId end = 0;                // <|endoftext|>
  std::vector<float> mask;        // [vocabulary]: 0, or -infinity for what is never said
  std::vector<float> first_mask;  // the same for the first token: no end, no lone space
};

// Special tokens by their names; suppressed ids from config.json or generation_config.json where they stand there.
Result<WhisperVocabulary> ReadWhisperVocabulary(const weights::Checkpoint& checkpoint,
                                                const Tokenizer& tokenizer, int32_t vocabulary);

// The ids that come before the words. An unknown language is an error that names it.
Result<std::vector<TokenId>> WhisperPrompt(const WhisperVocabulary& vocabulary,
                                           const Tokenizer& tokenizer, const std::string& language);

}  // namespace parley::model

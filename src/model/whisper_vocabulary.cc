// SPDX-License-Identifier: Apache-2.0
#include "model/whisper_vocabulary.h"

#include <initializer_list>
#include <limits>

namespace parley::model {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

Result<TokenId> FindOneOf(const Tokenizer& tokenizer, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const auto id = tokenizer.Find(name)) return *id;
  }
  return Fail(Code::kCorruptData,
              std::string("the tokenizer has no \"") + *names.begin() +
                  "\"; is tokenizer.json that of a multilingual Whisper model?");
}

void MaskIds(const weights::Checkpoint& checkpoint, std::initializer_list<const char*> keys,
             std::vector<float>& mask) {
  for (const char* key : keys) {
    const std::vector<double>* ids = checkpoint.Numbers(key);
    if (ids == nullptr) continue;
    for (const double id : *ids) {
      if (id >= 0 && id < static_cast<double>(mask.size())) mask[static_cast<size_t>(id)] = kNever;
    }
    return;
  }
}

}  // namespace

Result<WhisperVocabulary> ReadWhisperVocabulary(const weights::Checkpoint& checkpoint,
                                                const Tokenizer& tokenizer, int32_t vocabulary) {
  WhisperVocabulary v;
  PARLEY_TRY(v.start, FindOneOf(tokenizer, {"<|startoftranscript|>"}));
  PARLEY_TRY(v.transcribe, FindOneOf(tokenizer, {"<|transcribe|>"}));
  PARLEY_TRY(v.no_timestamps, FindOneOf(tokenizer, {"<|notimestamps|>"}));
  PARLEY_TRY(v.no_speech, FindOneOf(tokenizer, {"<|nospeech|>", "<|nocaptions|>"}));
  PARLEY_TRY(v.end, FindOneOf(tokenizer, {"<|endoftext|>"}));
  if (v.no_timestamps >= vocabulary || v.end >= v.start) {
    return Fail(Code::kCorruptData, "<|notimestamps|> is id " + std::to_string(v.no_timestamps) +
                                        " of " + std::to_string(vocabulary) +
                                        ": tokenizer.json and the weights are not of one model");
  }
  // What is not text: the special tokens between the end and the timestamps, and the timestamps.
  v.mask.assign(static_cast<size_t>(vocabulary), 0.0F);
  for (TokenId id = v.end + 1; id < vocabulary; ++id) v.mask[static_cast<size_t>(id)] = kNever;
  MaskIds(checkpoint, {"suppress_ids", "suppress_tokens"}, v.mask);
  v.first_mask = v.mask;
  MaskIds(checkpoint, {"suppress_ids_begin", "begin_suppress_tokens"}, v.first_mask);
  v.first_mask[static_cast<size_t>(v.end)] = kNever;
  return v;
}

Result<std::vector<TokenId>> WhisperPrompt(const WhisperVocabulary& vocabulary,
                                           const Tokenizer& tokenizer,
                                           const std::string& language) {
  const auto language_id = tokenizer.Find("<|" + language + "|>");
  if (!language_id) {
    return Fail(Code::kInvalidArgument,
                "the transcriber does not know the language \"" + language +
                    "\"; Whisper's two-letter codes are expected, such as \"en\"");
  }
  return std::vector<TokenId>{vocabulary.start, *language_id, vocabulary.transcribe,
                              vocabulary.no_timestamps};
}

}  // namespace parley::model

// One transcription in slices: mel, convolutions, encoder blocks, cross keys and values, then tokens.
// A sound that continues the last one starts from what was said of it: those tokens are checked in one batched pass and
// kept as long as they are what greedy decoding says, so that the result is the same and most of its cost is saved.
// Thread:   one (the engine's).
// Memory:   everything is allocated at construction; Reset and Advance grow strings and token lists only.
// Overload: see transcriber.h.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "features/log_mel.h"
#include "model/audio_encoder.h"
#include "model/transcriber.h"
#include "model/whisper_decoder.h"
#include "model/whisper_vocabulary.h"

namespace parley::model {

// What all jobs share.
struct WhisperModel {
  kernels::Backend& backend;
  std::unique_ptr<AudioEncoder> encoder;
  std::unique_ptr<WhisperDecoder> decoder;
  std::shared_ptr<const Tokenizer> tokenizer;
  WhisperVocabulary vocabulary;

  int32_t window_ms() const;  // the longest sound
};

class WhisperJob final : public TranscriptionJob {
 public:
  explicit WhisperJob(const WhisperModel& model);

  Status Reset(PcmView sound, const TranscribeOptions& options) override;
  Result<bool> Advance() override;
  const Transcript& result() const override { return result_; }
  Slice last_slice() const override { return slice_; }

 private:
  enum class Stage { kMel, kConvolve, kEncode, kHear, kPrompt, kToken, kDone };

  void PlanRows();
  void ComputeMel();
  Status Convolve();
  void SayPrompt();
  void SayToken();
  // Takes the token that the logits in row `row` of the last step say. False when that ends the transcript.
  bool Take(int32_t row);
  void Append(TokenId id, float log_prob);
  bool DoubtsEnd(float log_prob);
  enum class Said { kLittle, kNothing, kWords };
  Said More(float log_prob) const;
  bool CutLoop();
  void Finish();
  std::span<const float> Logits(int32_t row);  // of the last step, until the next call

  const WhisperModel& model_;
  TranscribeOptions options_;
  Stage stage_ = Stage::kDone;
  std::vector<float> sound_;
  features::GrowingLogMel log_mel_;
  std::vector<float> mel_;
  int32_t mel_frames_ = 0;
  SilentTail tail_;
  EncoderState encoder_state_;
  WhisperState decoder_state_;
  int32_t next_layer_ = 0;
  std::vector<TokenId> prompt_;
  std::vector<TokenId> draft_;  // of the sound that this one continues
  std::vector<TokenId> say_;    // ids of the next step
  std::vector<float> logits_;   // of one row of the last step, on the host
  size_t max_tokens_ = 0;
  size_t fair_words_ = 0;  // that can be said in this time
  struct Doubted {         // what stands before an end that was not believed
    size_t tokens = 0, bytes = 0;
  };
  std::optional<Doubted> doubted_;
  Slice slice_;
  Transcript result_;
};

}  // namespace parley::model

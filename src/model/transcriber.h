// Whisper as a transcriber that can be interrupted: mel, encoder and greedy decoder in slices of a few milliseconds,
// so that the engine can put a decode step between any two of them.
// Thread:   Transcriber is const after Load and shared; a TranscriptionJob belongs to one thread (the engine's).
// Memory:   a job's state (cross keys and values, self cache) is sized for the window once and reused by Reset.
// Overload: tokens are capped by the duration of the sound; loops are cut (see TranscribeOptions).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/ids.h"
#include "common/pcm.h"
#include "common/result.h"
#include "kernels/backend.h"
#include "model/tokenizer.h"

namespace parley::model {

struct TranscribeOptions {
  int32_t pad_ms = 10000;  // trailing silence behind the sound: short pads make Whisper loop
  // Of that silence beyond the first half second every n-th row is computed and counts n times. 4 hears as well as 1
  // does (155 + 375 words: 8 + 8 errors against 10 + 7); 8 does not (10 + 15).
  int32_t pad_stride = 4;
  float tokens_per_second = 8.0F;  // cap on tokens by duration of the sound, plus a constant
  std::string language = "en";
  // Tokens of an earlier hypothesis to force first, so that a partial costs only what is new. They are what the
  // decoder is made to say, not a prompt; the listener passes the agreed prefix.
  std::vector<TokenId> forced_prefix;
};

struct Transcript {
  std::string text;              // trimmed; empty when there is no speech
  std::vector<TokenId> tokens;   // of the transcriber's vocabulary, without special tokens
  std::vector<float> log_probs;  // one a token
  float no_speech = 0.0F;        // probability of "no speech" at the first step
  bool loop_cut = false;         // the loop guard shortened it
};

class TranscriptionJob {
 public:
  virtual ~TranscriptionJob() = default;
  // Starts over with this sound (≤ 30 s less the pad; copied). Earlier work on the same leading samples may be reused.
  virtual Status Reset(PcmView sound, const TranscribeOptions& options) = 0;
  // Runs one slice (≤ about 10 ms on the default machine). True when `result` is complete.
  virtual Result<bool> Advance() = 0;
  virtual const Transcript& result() const = 0;
  // What the last slice ran, for clocks that are simulated: rows through one encoder block (cross keys and values of a
  // layer count a quarter), rows of the decoder.
  struct Slice {
    int32_t encoder_rows = 0;
    int32_t decoder_rows = 0;
  };
  virtual Slice last_slice() const { return {}; }
};

class Transcriber {
 public:
  // `path`: a directory with a Whisper checkpoint (CTranslate2 or safetensors) and tokenizer.json.
  // Row-wise int8 costs no accuracy that the conversation clips show, and a third of bf16's time.
  static Result<std::unique_ptr<Transcriber>> Load(
      kernels::Backend& backend, const std::string& path,
      kernels::Storage storage = kernels::Storage::kI8Row);
  virtual ~Transcriber() = default;
  virtual std::unique_ptr<TranscriptionJob> NewJob() const = 0;
  virtual const Tokenizer& tokenizer() const = 0;
  virtual size_t weight_bytes() const = 0;
  virtual int32_t window_ms() const = 0;  // the longest sound a job takes
};

}  // namespace parley::model

// Text to speech with word times: the seam behind which voices live (Piper here, a remote voice, a
// tone in tests).
// Thread:   Speak blocks and is called on the voice thread only; the sink on that same thread.
// Memory:   a chunk owns its samples; nothing outlives Speak.
// Overload: the sink may return false: the voice stops before its next chunk and Speak returns
//           kCancelled.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "common/result.h"
#include "common/spoken_text.h"

namespace parley::tts {

// One word of the text as it is spoken. Bytes are of the *original* UTF-8 text, carried through
// normalisation ("$48.75" is one span of eight spoken words).
struct WordSpan {
  int64_t first_sample = 0;  // at the voice's rate, counted from the start of this Speak
  size_t char_begin = 0;
  size_t char_end = 0;
};

struct SpeechChunk {
  std::vector<float> samples;   // mono, [-1, 1], at sample_rate_hz()
  int64_t first_sample = 0;     // of this chunk, counted from the start of this Speak
  std::vector<WordSpan> words;  // every word once, in the chunk in which it starts
  bool words_estimated =
      false;  // the voice does not know when it says what: first_sample is a guess
  bool last = false;
};

struct SpeakOptions {
  float speed = 1.0F;       // 0.5 … 2.0
  float noise = -1.0F;      // negative: the voice's own; 0: repeatable to the sample
  bool low_latency = true;  // a short first chunk; false: whole clause at once
};

using ChunkSink = std::function<bool(SpeechChunk)>;  // false: stop

class Synthesizer {
 public:
  virtual ~Synthesizer() = default;
  virtual int sample_rate_hz() const = 0;
  virtual Status Speak(const AnswerText& text, const SpeakOptions& options,
                       const ChunkSink& sink) = 0;
  virtual Status Speak(const CallerText& text, const SpeakOptions& options,
                       const ChunkSink& sink) = 0;
};

}  // namespace parley::tts

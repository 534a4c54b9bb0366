// A voice for tests: 60 ms of tone for each character of the text, 24 kHz, in chunks of 240 ms, with
// exact word times. The pitch rises with the letter, so that different texts sound different.
// Thread:   as Synthesizer.
// Memory:   one chunk at a time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>

#include "tts/synthesizer.h"

namespace parley::test {

class ToneSynthesizer final : public tts::Synthesizer {
 public:
  static constexpr int kRateHz = 24000;
  static constexpr int64_t kSamplesPerChar = kRateHz * 60 / 1000;
  static constexpr int64_t kCharsPerChunk = 4;

  int sample_rate_hz() const override { return kRateHz; }

  Status Speak(const AnswerText& text, const tts::SpeakOptions& options,
               const tts::ChunkSink& sink) override {
    return SpeakView(text.view(), options, sink);
  }
  Status Speak(const CallerText& text, const tts::SpeakOptions& options,
               const tts::ChunkSink& sink) override {
    return SpeakView(text.view(), options, sink);
  }

  int64_t spoken_clauses() const { return spoken_clauses_; }

 private:
  static tts::SpeechChunk Chunk(std::string_view text, int64_t begin, int64_t end,
                                int64_t per_char) {
    tts::SpeechChunk chunk;
    chunk.first_sample = begin * per_char;
    chunk.samples.reserve(static_cast<size_t>((end - begin) * per_char));
    for (int64_t c = begin; c < end; ++c) {
      const auto letter = static_cast<unsigned char>(text[static_cast<size_t>(c)]);
      const bool word_begins = letter > ' ' && (c == 0 || text[static_cast<size_t>(c - 1)] <= ' ');
      if (word_begins) {
        const size_t stop = text.find_first_of(" \t\n", static_cast<size_t>(c));
        chunk.words.push_back({.first_sample = c * per_char,
                               .char_begin = static_cast<size_t>(c),
                               .char_end = std::min(stop, text.size())});
      }
      const double step = 2.0 * std::numbers::pi * (120.0 + 2.0 * letter) / kRateHz;
      const double loudness = letter > ' ' ? 0.3 : 0.0;
      for (int64_t i = 0; i < per_char; ++i) {
        chunk.samples.push_back(
            static_cast<float>(loudness * std::sin(step * static_cast<double>(i))));
      }
    }
    chunk.last = end == static_cast<int64_t>(text.size());
    return chunk;
  }

  Status SpeakView(std::string_view text, const tts::SpeakOptions& options,
                   const tts::ChunkSink& sink) {
    ++spoken_clauses_;
    const auto per_char =
        static_cast<int64_t>(static_cast<double>(kSamplesPerChar) / options.speed);
    const auto chars = static_cast<int64_t>(text.size());
    const int64_t step = options.low_latency ? kCharsPerChunk : std::max<int64_t>(chars, 1);
    int64_t begin = 0;
    do {
      const int64_t end = std::min(begin + step, chars);
      if (!sink(Chunk(text, begin, end, per_char)))
        return Fail(Code::kCancelled, "the listener stopped the voice");
      begin = end;
    } while (begin < chars);
    return {};
  }

  int64_t spoken_clauses_ = 0;
};

}  // namespace parley::test

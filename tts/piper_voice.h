// A Piper voice: text -> words -> sounds -> speech in chunks, with the time of every word.
// A text is spoken sentence by sentence; one too long for the network is split at a pause, or else
// between words. The first chunk of a sentence is short (232 ms), the others 464 ms.
//
// Thread:   one thread at a time, as Synthesizer says.
// Memory:   see PiperNet; one chunk of samples.
// Overload: the sink stops it between chunks.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tts/phonemizer.h"
#include "tts/piper_config.h"
#include "tts/piper_net.h"
#include "tts/synthesizer.h"
#include "tts/voice_config.h"

namespace parley::tts {

class PiperVoice final : public Synthesizer {
 public:
  // `onnx` with its configuration beside it in `onnx`.json.
  static Result<std::unique_ptr<PiperVoice>> Load(const std::string& onnx,
                                                  const VoiceConfig& config,
                                                  std::unique_ptr<Phonemizer> phonemizer);

  // Runs every length of input once, so that no talk pays for a new one.
  Status WarmUp() { return net_->WarmUp(); }

  int sample_rate_hz() const override { return piper_.sample_rate_hz; }
  Status Speak(const AnswerText& text, const SpeakOptions& options,
               const ChunkSink& sink) override {
    return SpeakView(text.view(), options, sink);
  }
  Status Speak(const CallerText& text, const SpeakOptions& options,
               const ChunkSink& sink) override {
    return SpeakView(text.view(), options, sink);
  }

 private:
  struct Delivery;  // chunks on their way to the sink
  PiperVoice(PiperConfig piper, const VoiceConfig& config, std::unique_ptr<PiperNet> net,
             std::unique_ptr<Phonemizer> phonemizer);
  Status SpeakView(std::string_view text, const SpeakOptions& options, const ChunkSink& sink);
  Status SpeakPiece(const PiperInput& input, std::span<const SpokenWord> words, Delivery& delivery);
  PiperNet::Style StyleOf(const SpeakOptions& options) const;

  PiperConfig piper_;
  VoiceConfig config_;
  std::unique_ptr<PiperNet> net_;
  std::unique_ptr<Phonemizer> phonemizer_;
};

}  // namespace parley::tts

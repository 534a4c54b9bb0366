// A voice elsewhere: POST /v1/audio/speech, as OpenAI and many local servers speak it, answered by raw 16-bit samples
// that are passed on as they arrive. Nobody says when a word is spoken, so its time is estimated from the letters
// before it, and the chunk says so.
// Thread:   one thread at a time, as Synthesizer says; Speak waits for the network.
// Memory:   one chunk of samples; the text.
// Overload: a server that cannot be reached, is silent for `timeout_s` or breaks off is an error that names it; nothing
//           is tried again, because what was said already would be said twice. The sink stops it when bytes arrive.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "fetch/http.h"
#include "tts/synthesizer.h"
#include "tts/voice_config.h"

namespace parley::tts {

class RemoteVoice final : public Synthesizer {
 public:
  // The key is read from the environment now, and never shown.
  static Result<std::unique_ptr<RemoteVoice>> Open(const VoiceConfig& config);

  int sample_rate_hz() const override { return config_.remote_rate_hz; }
  Status Speak(const AnswerText& text, const SpeakOptions& options,
               const ChunkSink& sink) override {
    return SpeakView(text.view(), options, sink);
  }
  Status Speak(const CallerText& text, const SpeakOptions& options,
               const ChunkSink& sink) override {
    return SpeakView(text.view(), options, sink);
  }

 private:
  class Delivery;  // bytes on their way to the sink
  RemoteVoice(const VoiceConfig& config, std::string key);
  Status SpeakView(std::string_view text, const SpeakOptions& options, const ChunkSink& sink);

  VoiceConfig config_;
  std::string key_;
  fetch::HttpClient http_;
};

}  // namespace parley::tts

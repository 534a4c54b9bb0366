// Sound as a client sends and wants it, to and from what a talk hears and says: PCM of 16 bit at any
// rate, G.711, or raw Opus packets, one in each message.
// Thread:   one owner each.
// Memory:   a resampler and, for Opus, a coder.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audio_io/opus_codec.h"
#include "audio_io/resampler.h"
#include "common/result.h"
#include "wire/session_object.h"

namespace parley::server {

class AudioIn {  // bytes of a client to 16 kHz
 public:
  static Result<AudioIn> Open(const wire::AudioFormat& format);
  // Valid until the next call. kCorruptData: bytes that are none of this format.
  Result<std::span<const float>> Push(std::string_view bytes);

 private:
  AudioIn(std::string type, int rate_hz);
  std::string type_;
  audio::Resampler resampler_;
  std::optional<audio::OpusPacketDecoder> opus_;
  std::string odd_;  // half a sample
  std::vector<float> samples_;
};

class AudioOut {  // sound of a voice to messages for a client
 public:
  static Result<AudioOut> Open(const wire::AudioFormat& format, int voice_rate_hz);
  using Give = std::function<void(std::string bytes)>;
  void Push(std::span<const float> samples, const Give& give);
  void Flush(const Give& give);  // the answer is over
  void Reset();                  // it was cut

 private:
  AudioOut(std::string type, int voice_rate_hz, int rate_hz);
  void Put(std::span<const float> samples, const Give& give);
  std::string type_;
  int rate_hz_;
  audio::Resampler resampler_;
  std::optional<audio::OpusPacketEncoder> opus_;
  std::vector<float> frame_;  // Opus: not a whole packet yet
};

}  // namespace parley::server

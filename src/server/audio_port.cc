// SPDX-License-Identifier: Apache-2.0
#include "server/audio_port.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "audio_io/g711.h"
#include "common/log.h"
#include "common/pcm.h"

namespace parley::server {
namespace {

constexpr int kOpusRateHz = 48000;
constexpr int kMessageMs = 100;  // the longest piece of sound in one message

int RateOf(const wire::AudioFormat& format) {
  if (format.type == "audio/pcm") return static_cast<int>(format.rate.value_or(24000));
  return format.type == "audio/opus" ? kOpusRateHz : audio::kG711RateHz;
}

audio::G711 LawOf(const std::string& type) {
  return type == "audio/pcma" ? audio::G711::kALaw : audio::G711::kMuLaw;
}

}  // namespace

AudioIn::AudioIn(std::string type, int rate_hz)
    : type_(std::move(type)), resampler_(rate_hz, kSampleRateHz) {}

Result<AudioIn> AudioIn::Open(const wire::AudioFormat& format) {
  AudioIn in(format.type, RateOf(format));
  if (format.type == "audio/opus") {
    PARLEY_TRY(in.opus_, audio::OpusPacketDecoder::Create(kOpusRateHz));
  }
  return in;
}

Result<std::span<const float>> AudioIn::Push(std::string_view bytes) {
  if (opus_) {
    PARLEY_TRY(const auto sound,
               opus_->Decode({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}));
    return resampler_.Push(sound);
  }
  if (type_ != "audio/pcm") {
    samples_.resize(bytes.size());
    audio::DecodeG711(LawOf(type_), {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()},
                      samples_);
    return resampler_.Push(samples_);
  }
  odd_.append(bytes);
  const size_t count = odd_.size() / 2;
  samples_.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const auto low = static_cast<uint8_t>(odd_[2 * i]);
    const auto high = static_cast<uint8_t>(odd_[2 * i + 1]);
    samples_[i] = static_cast<float>(static_cast<int16_t>(low | high << 8)) / 32768.0F;
  }
  odd_.erase(0, 2 * count);
  return resampler_.Push(samples_);
}

AudioOut::AudioOut(std::string type, int voice_rate_hz, int rate_hz)
    : type_(std::move(type)), rate_hz_(rate_hz), resampler_(voice_rate_hz, rate_hz) {}

Result<AudioOut> AudioOut::Open(const wire::AudioFormat& format, int voice_rate_hz) {
  AudioOut out(format.type, voice_rate_hz, RateOf(format));
  if (format.type == "audio/opus") {
    PARLEY_TRY(out.opus_, audio::OpusPacketEncoder::Create({.rate_hz = kOpusRateHz}));
  }
  return out;
}

void AudioOut::Push(std::span<const float> samples, const Give& give) {
  Put(resampler_.Push(samples), give);
}

void AudioOut::Flush(const Give& give) {
  Put(resampler_.Flush(), give);
  if (opus_ && !frame_.empty()) {
    const std::vector<float> silence(audio::OpusFrameSamples(rate_hz_) - frame_.size());
    Put(silence, give);
  }
  Reset();
}

void AudioOut::Reset() {
  resampler_.Reset();
  frame_.clear();
  if (opus_) opus_->Reset();
}

void AudioOut::Put(std::span<const float> samples, const Give& give) {
  if (opus_) {
    const size_t packet_samples = audio::OpusFrameSamples(rate_hz_);
    frame_.insert(frame_.end(), samples.begin(), samples.end());
    size_t taken = 0;
    for (; frame_.size() - taken >= packet_samples; taken += packet_samples) {
      const auto packet = opus_->Encode(std::span(frame_).subspan(taken, packet_samples));
      if (packet) {
        give(std::string(packet->begin(), packet->end()));
      } else {
        LogWarn("opus_failed", {{"error", packet.error().message}});
      }
    }
    frame_.erase(frame_.begin(), frame_.begin() + static_cast<int64_t>(taken));
    return;
  }
  const auto most = static_cast<size_t>(rate_hz_ * kMessageMs / 1000);
  for (; !samples.empty(); samples = samples.subspan(std::min(most, samples.size()))) {
    const auto piece = samples.first(std::min(most, samples.size()));
    std::string bytes;
    if (type_ == "audio/pcm") {
      bytes.reserve(piece.size() * 2);
      for (const float sample : piece) {
        const auto value =
            static_cast<int16_t>(std::lround(std::clamp(sample, -1.0F, 1.0F) * 32767.0F));
        bytes += static_cast<char>(value & 255);
        bytes += static_cast<char>(value >> 8 & 255);
      }
    } else {
      bytes.resize(piece.size());
      audio::EncodeG711(LawOf(type_), piece,
                        {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()});
    }
    give(std::move(bytes));
  }
}

}  // namespace parley::server

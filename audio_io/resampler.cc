// SPDX-License-Identifier: Apache-2.0
#include "audio_io/resampler.h"

#include <speex/speex_resampler.h>

#include <algorithm>

#include "common/check.h"

namespace parley::audio {
namespace {

// 80 taps at the lower rate: 2.5 ms of delay at 16 kHz, stop band below -80 dB, a tenth of the cost
// of the best. More delays the conversation; less lets aliases into the features.
constexpr int kQuality = 5;

}  // namespace

void Resampler::Free::operator()(SpeexResamplerState_* state) const {
  speex_resampler_destroy(state);
}

Resampler::Resampler(int in_hz, int out_hz) : in_hz_(in_hz), out_hz_(out_hz) {
  PARLEY_CHECK(std::min(in_hz, out_hz) >= kLowestHz && std::max(in_hz, out_hz) <= kHighestHz,
               "sample rate out of range");
  if (in_hz == out_hz) return;
  int error = 0;
  state_.reset(speex_resampler_init(1, static_cast<unsigned>(in_hz), static_cast<unsigned>(out_hz),
                                    kQuality, &error));
  PARLEY_CHECK(state_ != nullptr, speex_resampler_strerror(error));
  Reset();
}

Resampler::Resampler(Resampler&&) noexcept = default;
Resampler& Resampler::operator=(Resampler&&) noexcept = default;
Resampler::~Resampler() = default;

double Resampler::delay_ms() const {
  if (state_ == nullptr) return 0.0;
  return 1000.0 * speex_resampler_get_input_latency(state_.get()) / in_hz_;
}

void Resampler::Reset() {
  taken_ = given_ = 0;
  if (state_ == nullptr) return;
  speex_resampler_reset_mem(state_.get());
  // The first output is then the sample at time 0, not half a filter before it.
  speex_resampler_skip_zeros(state_.get());
}

void Resampler::Feed(std::span<const float> samples) {
  const size_t room =
      samples.size() * static_cast<size_t>(out_hz_) / static_cast<size_t>(in_hz_) + 8;
  size_t filled = out_.size();
  out_.resize(filled + room);
  while (!samples.empty()) {
    if (out_.size() == filled) out_.resize(filled + room);
    auto in = static_cast<spx_uint32_t>(std::min<size_t>(samples.size(), 1u << 24));
    auto out = static_cast<spx_uint32_t>(std::min<size_t>(out_.size() - filled, 1u << 28));
    speex_resampler_process_float(state_.get(), 0, samples.data(), &in, out_.data() + filled, &out);
    samples = samples.subspan(in);
    filled += out;
  }
  out_.resize(filled);
}

std::span<const float> Resampler::Push(std::span<const float> samples) {
  if (state_ == nullptr) return samples;
  out_.clear();
  taken_ += static_cast<int64_t>(samples.size());
  Feed(samples);
  given_ += static_cast<int64_t>(out_.size());
  return out_;
}

std::span<const float> Resampler::Flush() {
  out_.clear();
  if (state_ != nullptr && taken_ > 0) {
    const int64_t target = (taken_ * out_hz_ + in_hz_ - 1) / in_hz_;
    const std::vector<float> silence(
        static_cast<size_t>(speex_resampler_get_input_latency(state_.get())) + 1);
    while (given_ + static_cast<int64_t>(out_.size()) < target) Feed(silence);
    out_.resize(static_cast<size_t>(target - given_));
  }
  Reset();
  return out_;
}

}  // namespace parley::audio

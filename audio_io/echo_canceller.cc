// SPDX-License-Identifier: Apache-2.0
#include "audio_io/echo_canceller.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace parley::audio {
namespace {

constexpr double kCornerHz = 50;
constexpr double kForget = 0.995;  // a block; 2 s
// Of far sound heard: until then the room is unknown, from then on it is known well enough.
constexpr double kColdMs = 1200, kWarmMs = 2500;

struct Biquad {
  float b0, b1, b2, a1, a2;
};

// Butterworth of second order.
Biquad HighPassAt(double corner_hz) {
  const double w = 2 * std::numbers::pi * corner_hz / 16000;
  const double alpha = std::sin(w) / std::numbers::sqrt2;
  const double c = std::cos(w), a0 = 1 + alpha;
  return {static_cast<float>((1 + c) / 2 / a0), static_cast<float>(-(1 + c) / a0),
          static_cast<float>((1 + c) / 2 / a0), static_cast<float>(-2 * c / a0),
          static_cast<float>((1 - alpha) / a0)};
}

}  // namespace

void EchoCanceller::HighPass::Process(EchoBlock in, std::span<float, kEchoBlock> out) {
  static const Biquad f = HighPassAt(kCornerHz);
  for (size_t i = 0; i < kEchoBlock; ++i) {
    const float x = in[i];
    const float y = f.b0 * x + f.b1 * x1_ + f.b2 * x2_ - f.a1 * y1_ - f.a2 * y2_;
    x2_ = x1_;
    x1_ = x;
    y2_ = y1_;
    y1_ = y;
    out[i] = y;
  }
}

void EchoCanceller::Process(EchoBlock near, EchoBlock far, std::span<float, kEchoBlock> out) {
  std::array<float, kEchoBlock> near_high{}, far_high{}, rest{};
  near_pass_.Process(near, near_high);
  far_pass_.Process(far, far_high);
  filter_.Process(near_high, far_high, rest);
  suppressor_.Process(rest, filter_.echo(), filter_.unsure(), filter_.active(), warmth(), out);
  // While nobody knows the echo, all that is heard may be one.
  const double echo = warmth() * Energy(filter_.echo()) + (1 - warmth()) * Energy(near_high);
  gate_.Process(filter_.active(), echo / kEchoBlock, out);
  if (!filter_.active()) return;
  near_power_ = kForget * near_power_ + Energy(near_high);
  out_power_ = kForget * out_power_ + Energy(out);
}

float EchoCanceller::warmth() const {
  return static_cast<float>(
      std::clamp((filter_.heard_ms() - kColdMs) / (kWarmMs - kColdMs), 0.0, 1.0));
}

void EchoCanceller::Reset() {
  near_pass_.Reset();
  far_pass_.Reset();
  filter_.Reset();
  suppressor_.Reset();
  gate_.Reset();
  near_power_ = out_power_ = 0;
}

double EchoCanceller::erle_db() const {
  if (near_power_ <= 0) return 0;
  return 10 * std::log10(near_power_ / std::max(out_power_, 1e-12));
}

}  // namespace parley::audio

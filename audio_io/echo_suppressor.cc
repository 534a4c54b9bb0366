// SPDX-License-Identifier: Apache-2.0
#include "audio_io/echo_suppressor.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace parley::audio {
namespace {

constexpr size_t kWindow = 2 * kEchoBlock;
constexpr float kFirstLeak = 0.6F;
constexpr float kLeakFalls = 0.05F;
constexpr float kLeakRises = 0.004F;
constexpr float kTrustFalls = 0.005F;
constexpr float kTrustRises = 0.01F;
// Of power, a block: 60 dB in two seconds.
constexpr float kLateDecay = 0.97F;
// The estimate is a mean, the echo peaks above it.
constexpr float kOver = 2.5F;
constexpr float kOverCold = 6.0F;
// Of the near voice's estimate that is the last block's.
constexpr float kPast = 0.9F;
constexpr float kFloor = 0.02F;
constexpr float kNothing = 1e-9F;
constexpr float kQuiet = 1e-6F;

void Follow(float& share, float seen, float falls, float rises) {
  const float now = std::min(seen, 1.0F);
  share += (now < share ? falls : rises) * (now - share);
}

}  // namespace

EchoSuppressor::EchoSuppressor()
    : fft_(static_cast<int>(kWindow)),
      window_(kWindow),
      time_(kWindow),
      rest_spectrum_(kBins),
      echo_spectrum_(kBins) {
  for (size_t i = 0; i < kWindow; ++i) {
    window_[i] = static_cast<float>(
        std::sin(std::numbers::pi * (static_cast<double>(i) + 0.5) / static_cast<double>(kWindow)));
  }
  Reset();
}

void EchoSuppressor::Reset() {
  rest_before_.fill(0);
  echo_before_.fill(0);
  overlap_.fill(0);
  leak_.fill(kFirstLeak);
  trust_.fill(1);
  late_.fill(0);
  unsure_.fill(0);
  clean_.fill(0);
  gain_.fill(1);
}

void EchoSuppressor::Gains(bool active, float warmth) {
  const float over = kOverCold + warmth * (kOver - kOverCold);
  if (!active) {
    for (float& g : gain_) g += 0.3F * (1 - g);
    for (size_t k = 0; k < kBins; ++k) clean_[k] = std::norm(rest_spectrum_[k]);
    late_.fill(0);
    return;
  }
  for (size_t k = 0; k < kBins; ++k) {
    const float rest = std::norm(rest_spectrum_[k]) + kNothing;
    const float echo = std::norm(echo_spectrum_[k]);
    late_[k] = std::max(echo, kLateDecay * late_[k]);
    // A near voice only ever makes them larger, so both shares fall fast and rise slowly.
    if (late_[k] > kQuiet) Follow(leak_[k], rest / late_[k], kLeakFalls, kLeakRises);
    if (unsure_[k] > kQuiet) Follow(trust_[k], rest / unsure_[k], kTrustFalls, kTrustRises);
    const float left = over * std::max(leak_[k] * late_[k], trust_[k] * unsure_[k]) + kNothing;
    const float now = std::max(rest / left - 1, 0.0F);
    const float near = kPast * clean_[k] / left + (1 - kPast) * now;
    gain_[k] = std::max(near / (1 + near), kFloor);
    clean_[k] = gain_[k] * gain_[k] * rest;
  }
}

void EchoSuppressor::Process(EchoBlock rest, EchoBlock echo, std::span<const float, kBins> unsure,
                             bool active, float warmth, std::span<float, kEchoBlock> out) {
  const auto transform = [this](std::array<float, kEchoBlock>& before, EchoBlock now,
                                std::vector<std::complex<float>>& spectrum) {
    for (size_t i = 0; i < kEchoBlock; ++i) {
      time_[i] = before[i] * window_[i];
      time_[kEchoBlock + i] = now[i] * window_[kEchoBlock + i];
      before[i] = now[i];
    }
    fft_.Forward(time_, spectrum);
  };
  transform(rest_before_, rest, rest_spectrum_);
  transform(echo_before_, echo, echo_spectrum_);
  // Of the block before as well: the window is over both.
  for (size_t k = 0; k < kBins; ++k) unsure_[k] = 0.5F * (unsure_[k] + unsure[k]);
  Gains(active, warmth);
  for (size_t k = 0; k < kBins; ++k) rest_spectrum_[k] *= gain_[k];
  fft_.Inverse(rest_spectrum_, time_);
  for (size_t i = 0; i < kEchoBlock; ++i) {
    out[i] = overlap_[i] + time_[i] * window_[i];
    overlap_[i] = time_[kEchoBlock + i] * window_[kEchoBlock + i];
  }
}

}  // namespace parley::audio

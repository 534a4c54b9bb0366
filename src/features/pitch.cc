// SPDX-License-Identifier: Apache-2.0
#include "features/pitch.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "features/loudness.h"

namespace parley::features {
namespace {

constexpr size_t kWindow = kSampleRateHz / 25;
constexpr size_t kHop = kSampleRateHz / 100;
constexpr auto kShortest = static_cast<size_t>(kSampleRateHz / PitchTracker::kHighestHz);
constexpr auto kLongest = static_cast<size_t>(kSampleRateHz / PitchTracker::kLowestHz);
constexpr float kQuietDbfs = -55.0f;
constexpr float kLeastClarity = 0.5f;
constexpr float kNearTheBest = 0.9f;
// Hum below a voice makes its own period win, hiss above it blurs the peaks. A fundamental below kHumHz shows in the
// overtones that are left.
constexpr double kHumHz = 90.0, kHissHz = 1200.0;

// Eight sums side by side, which the compiler may put into one register; one sum it may not reorder.
float DotProduct(const float* a, const float* b, size_t n) {
  std::array<float, 8> sums{};
  size_t i = 0;
  for (; i + sums.size() <= n; i += sums.size()) {
    for (size_t k = 0; k < sums.size(); ++k) sums[k] += a[i + k] * b[i + k];
  }
  float sum = 0.0f;
  for (const float part : sums) sum += part;
  for (; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

// Correlation of the window with itself `lag` samples later, over the part where both exist,
// divided by the energy of both parts, so that a louder half does not win.
// energy_before[i]: of the samples before i.
float Correlation(std::span<const float> x, std::span<const double> energy_before, size_t lag) {
  const size_t overlap = x.size() - lag;
  const double energy = energy_before[overlap] + energy_before[x.size()] - energy_before[lag];
  if (energy <= 0.0) return 0.0f;
  return static_cast<float>(2.0 * DotProduct(x.data(), x.data() + lag, overlap) / energy);
}

Pitch Estimate(std::span<const float> window, std::span<float> correlation) {
  if (RmsDbfs(window) < kQuietDbfs) return {};
  std::array<double, kWindow + 1> energy_before{};
  for (size_t i = 0; i < kWindow; ++i) {
    energy_before[i + 1] = energy_before[i] + static_cast<double>(window[i]) * window[i];
  }
  // One lag more on either side, so that every candidate has two neighbours.
  for (size_t lag = kShortest - 1; lag <= kLongest + 1; ++lag) {
    correlation[lag] = Correlation(window, energy_before, lag);
  }
  auto is_peak = [&](size_t lag) {
    return correlation[lag] > correlation[lag - 1] && correlation[lag] >= correlation[lag + 1];
  };
  float best = 0.0f;
  for (size_t lag = kShortest; lag <= kLongest; ++lag) {
    if (is_peak(lag)) best = std::max(best, correlation[lag]);
  }
  if (best < kLeastClarity) return {};
  size_t period = kShortest;
  while (!is_peak(period) || correlation[period] < kNearTheBest * best) ++period;

  const float before = correlation[period - 1];
  const float at = correlation[period];
  const float after = correlation[period + 1];
  const float curve = before - 2.0f * at + after;
  const float shift = curve < 0.0f ? 0.5f * (before - after) / curve : 0.0f;
  return {.hz = static_cast<float>(kSampleRateHz) / (static_cast<float>(period) + shift),
          .clarity = std::min(at, 1.0f)};
}

}  // namespace

PitchTracker::Filter PitchTracker::Butterworth(double hz, bool high_pass) {
  const double w = 2.0 * std::numbers::pi * hz / kSampleRateHz;
  const double alpha = std::sin(w) / std::numbers::sqrt2;
  const double edge = high_pass ? 1.0 + std::cos(w) : 1.0 - std::cos(w);
  const double norm = 1.0 / (1.0 + alpha);
  const auto outer = static_cast<float>(0.5 * edge * norm);
  return {.b0 = outer,
          .b1 = (high_pass ? -2.0f : 2.0f) * outer,
          .b2 = outer,
          .a1 = static_cast<float>(-2.0 * std::cos(w) * norm),
          .a2 = static_cast<float>((1.0 - alpha) * norm)};
}

PitchTracker::PitchTracker()
    : filters_{Butterworth(kHumHz, true), Butterworth(kHissHz, false)}, correlation_(kLongest + 2) {
  window_.reserve(kWindow);
}

std::span<const Pitch> PitchTracker::Push(PcmView samples) {
  estimates_.clear();
  while (!samples.empty()) {
    const size_t piece = std::min(samples.size(), kWindow - window_.size());
    for (const float sample : samples.first(piece)) {
      window_.push_back(filters_[1](filters_[0](sample)));
    }
    samples = samples.subspan(piece);
    if (window_.size() < kWindow) break;
    estimates_.push_back(Estimate(window_, correlation_));
    window_.erase(window_.begin(), window_.begin() + kHop);
  }
  return estimates_;
}

std::span<const Pitch> PitchTracker::Flush() {
  estimates_.clear();
  Reset();
  return estimates_;
}

void PitchTracker::Reset() {
  window_.clear();
  for (Filter& filter : filters_) filter.s1 = filter.s2 = 0.0f;
}

}  // namespace parley::features

// SPDX-License-Identifier: Apache-2.0
#include "nn/smart_turn_features.h"

#include <algorithm>
#include <cmath>

namespace parley::nn {
namespace {

constexpr double kVarianceFloor = 1e-7;

}  // namespace

SmartTurnFeatures::SmartTurnFeatures()
    : mel_(static_cast<int>(kMels)),
      sound_(kSamples),
      by_frame_(kFrames * kMels),
      by_mel_(kFrames * kMels) {}

std::span<const float> SmartTurnFeatures::Compute(PcmView turn) {
  turn = turn.last(std::min(turn.size(), kSamples));
  const size_t zeros = kSamples - turn.size();
  double sum = 0.0;
  double square_sum = 0.0;
  for (const float x : turn) {
    sum += x;
    square_sum += static_cast<double>(x) * x;
  }
  const double mean = sum / kSamples;
  const double variance = std::max(0.0, square_sum / kSamples - mean * mean);
  const double scale = 1.0 / std::sqrt(variance + kVarianceFloor);
  auto normalised = [&](float x) { return static_cast<float>((x - mean) * scale); };
  std::fill_n(sound_.begin(), zeros, normalised(0.0f));
  std::transform(turn.begin(), turn.end(), sound_.begin() + static_cast<std::ptrdiff_t>(zeros),
                 normalised);
  mel_.Compute(sound_, static_cast<int>(kFrames), by_frame_);
  for (size_t t = 0; t < kFrames; ++t) {
    for (size_t m = 0; m < kMels; ++m) by_mel_[m * kFrames + t] = by_frame_[t * kMels + m];
  }
  return by_mel_;
}

}  // namespace parley::nn

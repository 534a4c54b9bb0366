// SPDX-License-Identifier: Apache-2.0
#include "features/loudness.h"

#include <algorithm>
#include <cmath>

#include "common/check.h"

namespace parley::features {
namespace {

float MeanSquareDbfs(double energy, size_t samples) {
  if (samples == 0 || energy <= 0.0) return kSilenceDbfs;
  return std::max(kSilenceDbfs,
                  static_cast<float>(10.0 * std::log10(energy / static_cast<double>(samples))));
}

}  // namespace

float RmsDbfs(PcmView samples) {
  double energy = 0.0;
  for (const float x : samples) energy += static_cast<double>(x) * x;
  return MeanSquareDbfs(energy, samples.size());
}

float AmplitudeOfDbfs(float dbfs) { return std::pow(10.0f, dbfs / 20.0f); }

LoudnessMeter::LoudnessMeter(int frame_samples) : frame_samples_(frame_samples) {
  PARLEY_CHECK(frame_samples > 0, "a frame has samples");
}

std::span<const float> LoudnessMeter::Push(PcmView samples) {
  levels_.clear();
  for (const float x : samples) {
    energy_ += static_cast<double>(x) * x;
    if (++filled_ == frame_samples_) {
      levels_.push_back(MeanSquareDbfs(energy_, static_cast<size_t>(filled_)));
      filled_ = 0;
      energy_ = 0.0;
    }
  }
  return levels_;
}

std::span<const float> LoudnessMeter::Flush() {
  levels_.clear();
  if (filled_ > 0) levels_.push_back(MeanSquareDbfs(energy_, static_cast<size_t>(filled_)));
  Reset();
  return levels_;
}

void LoudnessMeter::Reset() {
  filled_ = 0;
  energy_ = 0.0;
}

}  // namespace parley::features

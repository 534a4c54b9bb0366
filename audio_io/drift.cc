// SPDX-License-Identifier: Apache-2.0
#include "audio_io/drift.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace parley::audio {
namespace {

constexpr double kMemorySeconds = 60;
constexpr int kFewestPoints = 8;
constexpr double kSure = 4;           // standard errors
constexpr double kLeastSlope = 3e-6;  // 0.05 samples a second: the canceller follows by itself

constexpr int kTaps = 32;
constexpr int kPhases = 256;
constexpr double kBeta = 9;  // Kaiser: stop band below -90 dB
constexpr size_t kKept = 32768;

double Bessel0(double x) {
  double sum = 1, term = 1;
  for (int k = 1; k < 40; ++k) {
    term *= (x / 2 / k) * (x / 2 / k);
    sum += term;
  }
  return sum;
}

}  // namespace

void Drift::Add(double t_s, double offset_s) {
  if (points_++ == 0) {
    first_t_ = last_t_ = t_s;
    first_o_ = offset_s;
  }
  const double keep = std::exp(-(t_s - last_t_) / kMemorySeconds);
  last_t_ = t_s;
  const double t = t_s - first_t_, o = offset_s - first_o_;
  w_ = w_ * keep + 1;
  t_ = t_ * keep + t;
  o_ = o_ * keep + o;
  tt_ = tt_ * keep + t * t;
  to_ = to_ * keep + t * o;
  oo_ = oo_ * keep + o * o;

  slope_ = 0;
  const double spread = tt_ - t_ * t_ / w_;
  if (points_ < kFewestPoints || spread <= 0) return;
  const double together = to_ - t_ * o_ / w_;
  const double slope = together / spread;
  const double left = std::max(0.0, oo_ - o_ * o_ / w_ - slope * together) / (w_ - 2);
  const double error = std::sqrt(left / spread);
  if (std::abs(slope) > std::max(kSure * error, kLeastSlope)) slope_ = slope;
}

double Drift::OffsetAt(double t_s) const {
  if (points_ == 0) return 0;
  return first_o_ + o_ / w_ + slope_ * (t_s - first_t_ - t_ / w_);
}

VarispeedReader::VarispeedReader() : samples_(kKept), taps_((kPhases + 1) * kTaps) {
  for (int phase = 0; phase <= kPhases; ++phase) {
    for (int tap = 0; tap < kTaps; ++tap) {
      // Of the sample `tap - kTaps/2 + 1` behind the whole part of the position.
      const int place = tap - kTaps / 2 + 1;
      const double x = place - static_cast<double>(phase) / kPhases;
      const double edge = x / (kTaps / 2.0);
      const double window =
          std::abs(edge) >= 1 ? 0 : Bessel0(kBeta * std::sqrt(1 - edge * edge)) / Bessel0(kBeta);
      const double sinc = x == 0 ? 1 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x);
      taps_[static_cast<size_t>(phase) * kTaps + static_cast<size_t>(tap)] =
          static_cast<float>(window * sinc);
    }
  }
  for (const int phase : {0, kPhases}) {  // on a sample: that sample, to the bit
    for (int tap = 0; tap < kTaps; ++tap) {
      const bool here = tap == kTaps / 2 - 1 + (phase == 0 ? 0 : 1);
      taps_[static_cast<size_t>(phase) * kTaps + static_cast<size_t>(tap)] = here ? 1.0F : 0.0F;
    }
  }
}

void VarispeedReader::Push(std::span<const float> samples) {
  for (const float x : samples) samples_[static_cast<size_t>(end_++) & (kKept - 1)] = x;
}

float VarispeedReader::At(double position) const {
  const double whole = std::floor(position);
  const double phase = (position - whole) * kPhases;
  const auto row = static_cast<size_t>(phase);
  const auto between = static_cast<float>(phase - static_cast<double>(row));
  const float* low = &taps_[row * kTaps];
  const float* high = low + (between > 0 ? kTaps : 0);
  const int64_t first = static_cast<int64_t>(whole) - kTaps / 2 + 1;
  const int64_t oldest = std::max<int64_t>(0, end_ - static_cast<int64_t>(kKept));
  float sum = 0;
  for (int tap = 0; tap < kTaps; ++tap) {
    const int64_t at = first + tap;
    if (at < oldest || at >= end_) continue;
    sum += samples_[static_cast<size_t>(at) & (kKept - 1)] *
           (low[tap] + between * (high[tap] - low[tap]));
  }
  return sum;
}

bool VarispeedReader::Read(double& position, double step, std::span<float> out) const {
  const double last = position + step * static_cast<double>(out.size() - 1);
  if (static_cast<int64_t>(std::floor(last)) + kTaps / 2 >= end_) return false;
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = At(position + step * static_cast<double>(i));
  }
  position += step * static_cast<double>(out.size());
  return true;
}

}  // namespace parley::audio

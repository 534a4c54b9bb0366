// SPDX-License-Identifier: Apache-2.0
#include "features/sound_frames.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace parley::features {
namespace {

constexpr int kShortWindow = 512;
constexpr int kLongWindow = 2048;
constexpr int kNewest = 640;    // samples from a frame's first to the last one it looks at
constexpr int kTonalEvery = 4;  // frames
constexpr int kPeakAge = 4;     // analyses: 160 ms
constexpr int kLeastPeaks = 2;
constexpr int kNeighbours = 12;       // bins on each side that a peak is compared with
constexpr int kShoulder = 3;          // bins on each side that belong to it
constexpr double kPeakRatio = 30.0;   // 15 dB above them
constexpr double kLeastPower = 1e-4;  // of a bin: below it nobody hears a tone

constexpr int Bin(int hz, int window) {  // the nearest
  return (2 * hz * window + kSampleRateHz) / (2 * kSampleRateHz);
}

}  // namespace

SoundFrames::SoundFrames() : loudness_(kSoundFrame), short_(kShortWindow), long_(kLongWindow) {
  const auto bins = static_cast<size_t>(long_.bins());
  power_.resize(bins);
  power_before_.resize(bins + 1);
  Reset();
}

void SoundFrames::Reset() {
  loudness_.Reset();
  pitch_.Reset();
  sound_.assign(kLongWindow - kNewest, 0.0F);  // silence before the beginning
  frame_ = 0;
  levels_.clear();
  peaks_.assign(power_.size(), {});
  older_peaks_.assign(power_.size(), {});
  tonal_ = false;
}

std::span<const SoundFrame> SoundFrames::Flush() {
  frames_.clear();
  Reset();
  return frames_;
}

std::span<const SoundFrame> SoundFrames::Push(PcmView samples) {
  frames_.clear();
  sound_.insert(sound_.end(), samples.begin(), samples.end());
  const std::span<const float> levels = loudness_.Push(samples);
  levels_.insert(levels_.end(), levels.begin(), levels.end());
  const std::span<const Pitch> pitches = pitch_.Push(samples);
  size_t at = 0;  // of the window that ends with the frame's newest sample
  for (size_t i = 0; i < pitches.size(); ++i, ++frame_, at += kSoundFrame) {
    const std::span<const float> window = std::span(sound_).subspan(at, kLongWindow);
    if (frame_ % kTonalEvery == 0) tonal_ = Tonal(window);
    frames_.push_back({.level_dbfs = levels_[i],
                       .pitch = pitches[i],
                       .hiss_db = Hiss(window.subspan(kLongWindow - kNewest, kShortWindow)),
                       .tonal = tonal_});
  }
  sound_.erase(sound_.begin(), sound_.begin() + static_cast<std::ptrdiff_t>(at));
  levels_.erase(levels_.begin(), levels_.begin() + static_cast<std::ptrdiff_t>(pitches.size()));
  return frames_;
}

float SoundFrames::Hiss(std::span<const float> window) {
  const auto power = std::span(power_).first(static_cast<size_t>(short_.bins()));
  short_.Compute(window, power);
  double low = 1e-9;
  double high = 1e-9;
  for (int k = Bin(100, kShortWindow); k <= Bin(1000, kShortWindow); ++k) {
    low += power[static_cast<size_t>(k)];
  }
  for (int k = Bin(2000, kShortWindow); k <= Bin(7500, kShortWindow); ++k) {
    high += power[static_cast<size_t>(k)];
  }
  return static_cast<float>(10.0 * std::log10(high / low));
}

bool SoundFrames::Tonal(std::span<const float> window) {
  long_.Compute(window, power_);
  for (size_t k = 0; k < power_.size(); ++k) power_before_[k + 1] = power_before_[k] + power_[k];
  const auto sum = [this](int begin, int end) {
    return power_before_[static_cast<size_t>(end)] - power_before_[static_cast<size_t>(begin)];
  };
  older_peaks_.swap(peaks_);
  std::fill(peaks_.begin(), peaks_.end(), Peak{});
  int standing = 0;
  for (int k = Bin(250, kLongWindow); k <= Bin(5000, kLongWindow); ++k) {
    const auto bin = static_cast<size_t>(k);
    if (power_[bin] < kLeastPower || power_[bin] < power_[bin - 1] ||
        power_[bin] <= power_[bin + 1]) {
      continue;
    }
    const double around =
        (sum(k - kNeighbours, k - kShoulder) + sum(k + kShoulder + 1, k + kNeighbours + 1)) /
        (2 * (kNeighbours - kShoulder));
    if (power_[bin] < kPeakRatio * around) continue;
    Peak& peak = peaks_[bin];
    peak = {.age = 1, .origin = k};
    for (const size_t near : {bin - 1, bin, bin + 1}) {
      const Peak& older = older_peaks_[near];
      // One that has moved on from where it began glides.
      if (older.age >= peak.age && std::abs(older.origin - k) <= 1) {
        peak = {.age = older.age + 1, .origin = older.origin};
      }
    }
    if (peak.age >= kPeakAge) ++standing;
  }
  return standing >= kLeastPeaks;
}

}  // namespace parley::features

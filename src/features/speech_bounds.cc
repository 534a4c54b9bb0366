// SPDX-License-Identifier: Apache-2.0
#include "features/speech_bounds.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace parley::features {
namespace {

constexpr int64_t kFrameSamples = kSampleRateHz / 100;
constexpr double kHighPassHz = 150.0;
constexpr float kSilentDbfs = -75.0f;
constexpr float kNearestToLoudDb = 15.0f;
constexpr float kFarthestFromLoudDb = 35.0f;
constexpr float kLeastContrastDb = 12.0f;
constexpr double kSilentShare = 0.05;  // of frames, for one kind of sound to stand out from silence
constexpr int64_t kRunFrames = 3;

// Second-order Butterworth high-pass, direct form II transposed.
struct HighPass {
  double b0, b1, a1, a2;  // b2 = b0
};

HighPass MakeHighPass() {
  const double w = 2.0 * std::numbers::pi * kHighPassHz / kSampleRateHz;
  const double alpha = std::sin(w) / std::numbers::sqrt2;
  const double a0 = 1.0 + alpha;
  return {.b0 = (1.0 + std::cos(w)) / 2.0 / a0,
          .b1 = -(1.0 + std::cos(w)) / a0,
          .a1 = -2.0 * std::cos(w) / a0,
          .a2 = (1.0 - alpha) / a0};
}

// How often each level above silence occurs, in steps of half a decibel.
class Levels {
 public:
  explicit Levels(const std::vector<float>& dbfs) {
    for (const float level : dbfs) {
      if (level <= kSilentDbfs) continue;
      const auto bin = static_cast<size_t>((level - kSilentDbfs) * 2.0f);
      ++bins_[std::min(bin, bins_.size() - 1)];
      ++count_;
    }
  }

  int64_t count() const { return count_; }

  float Percentile95() const {
    int64_t below = 0;
    size_t bin = 0;
    while (bin + 1 < bins_.size() && (below += bins_[bin]) <= count_ * 95 / 100) ++bin;
    return Level(bin);
  }

  struct Classes {
    float background = 0.0f;
    float speech = 0.0f;
  };
  Classes Split() const {
    double sum = 0.0;
    for (size_t i = 0; i < bins_.size(); ++i) sum += Level(i) * static_cast<double>(bins_[i]);
    Classes best;
    double best_variance = -1.0;
    double low_count = 0.0;
    double low_sum = 0.0;
    for (size_t i = 0; i + 1 < bins_.size(); ++i) {
      low_count += static_cast<double>(bins_[i]);
      low_sum += Level(i) * static_cast<double>(bins_[i]);
      const double high_count = static_cast<double>(count_) - low_count;
      if (low_count == 0.0 || high_count == 0.0) continue;
      const double low = low_sum / low_count;
      const double high = (sum - low_sum) / high_count;
      const double variance = low_count * high_count * (high - low) * (high - low);
      if (variance <= best_variance) continue;
      best_variance = variance;
      best = {.background = static_cast<float>(low), .speech = static_cast<float>(high)};
    }
    return best;
  }

 private:
  static float Level(size_t bin) { return kSilentDbfs + (static_cast<float>(bin) + 0.5f) / 2.0f; }
  std::array<int64_t, 2 * 80> bins_{};
  int64_t count_ = 0;
};

std::optional<float> Threshold(const std::vector<float>& dbfs) {
  const Levels levels(dbfs);
  if (levels.count() < kRunFrames) return std::nullopt;
  const float loud = levels.Percentile95();
  const Levels::Classes classes = levels.Split();
  if (classes.speech - classes.background >= kLeastContrastDb) {
    return std::clamp((classes.background + classes.speech) / 2.0f, loud - kFarthestFromLoudDb,
                      loud - kNearestToLoudDb);
  }
  const auto frames = static_cast<double>(dbfs.size());
  const double silent = frames - static_cast<double>(levels.count());
  if (silent < kSilentShare * frames) return std::nullopt;
  return std::max(kSilentDbfs, loud - kFarthestFromLoudDb);
}

}  // namespace

void SpeechBoundsSearch::Push(PcmView samples) {
  static const HighPass kFilter = MakeHighPass();
  filtered_.clear();
  for (const float x : samples) {
    const double y = kFilter.b0 * x + z1_;
    z1_ = kFilter.b1 * x - kFilter.a1 * y + z2_;
    z2_ = kFilter.b0 * x - kFilter.a2 * y;
    filtered_.push_back(static_cast<float>(y));
  }
  const std::span<const float> levels = meter_.Push(filtered_);
  levels_.insert(levels_.end(), levels.begin(), levels.end());
}

std::optional<SpeechBounds> SpeechBoundsSearch::Find() const {
  const std::optional<float> threshold = Threshold(levels_);
  if (!threshold) return std::nullopt;
  std::optional<SpeechBounds> bounds;
  int64_t run = 0;
  for (size_t i = 0; i < levels_.size(); ++i) {
    run = levels_[i] > *threshold ? run + 1 : 0;
    if (run < kRunFrames) continue;
    const auto end = static_cast<int64_t>(i) + 1;
    if (!bounds) bounds = SpeechBounds{.first_sample = (end - run) * kFrameSamples};
    bounds->last_sample = end * kFrameSamples - 1;
  }
  return bounds;
}

std::optional<SpeechBounds> FindSpeech(PcmView recording) {
  SpeechBoundsSearch search;
  search.Push(recording);
  return search.Find();
}

}  // namespace parley::features

// Whether two results agree, within a tolerance that is derived from the arithmetic instead of chosen by hand.
// Thread:   pure functions for test code.
// Memory:   the vectors they are given.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <sstream>
#include <string>
#include <vector>

namespace parley::testing {

inline constexpr double kEpsF32 = 0x1p-23;  // distance from 1 to the next f32
inline constexpr double kEpsBf16 = 0x1p-7;  // and to the next bf16
inline constexpr double kTinyF32 =
    0x1p-126;  // the smallest normal f32: below it a backend may flush to zero

// A sum of n products whose magnitudes add up to `magnitude`, added in f32 in any order (Higham: n u / (1 - n u)
// times the magnitude), where each product may have come through a few roundings of its own.
inline double DotTolerance(double magnitude, int64_t n) {
  return (static_cast<double>(n) + 8.0) * 0.5 * kEpsF32 * magnitude + kTinyF32;
}

// The same where one operand is rounded to bf16 first.
inline double Bf16DotTolerance(double magnitude, int64_t n) {
  return DotTolerance(magnitude, n) + 0.5 * kEpsBf16 * magnitude;
}

// One value through a few roundings: `scale` is the largest magnitude that took part in it.
inline double ValueTolerance(double scale) { return 4.0 * kEpsF32 * std::fabs(scale) + kTinyF32; }

// Prints the worst position, expected, actual, tolerance and the count outside. Equal infinities and NaNs agree.
inline ::testing::AssertionResult Close(std::span<const float> actual,
                                        std::span<const float> expected,
                                        std::span<const double> tolerance) {
  if (actual.size() != expected.size() || actual.size() != tolerance.size()) {
    return ::testing::AssertionFailure() << actual.size() << " values against " << expected.size();
  }
  size_t outside = 0;
  size_t worst = 0;
  double worst_excess = 0.0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const bool same =
        actual[i] == expected[i] || (std::isnan(actual[i]) && std::isnan(expected[i]));
    if (same) continue;
    const double difference =
        std::fabs(static_cast<double>(actual[i]) - static_cast<double>(expected[i]));
    if (difference <= tolerance[i]) continue;  // false for NaN
    const double excess = std::isnan(difference) ? std::numeric_limits<double>::infinity()
                                                 : difference / std::max(tolerance[i], kTinyF32);
    if (outside++ == 0 || excess > worst_excess) {
      worst = i;
      worst_excess = excess;
    }
  }
  if (outside == 0) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << outside << " of " << actual.size() << " values are outside; worst at " << worst
         << ": expected " << expected[worst] << ", found " << actual[worst] << ", tolerance "
         << tolerance[worst] << " (" << worst_excess << " times over)";
}

// The same bits, except that every NaN equals every NaN and +0 equals -0.
inline ::testing::AssertionResult Identical(std::span<const float> actual,
                                            std::span<const float> expected) {
  const std::vector<double> zero(actual.size(), 0.0);
  return Close(actual, expected, zero);
}

// Reproducible values in [-1, 1): a linear congruential generator, the same on every library.
class Noise {
 public:
  explicit Noise(uint64_t seed) : state_(seed * 2862933555777941757ULL + 3037000493ULL) {}
  float Next() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<float>(static_cast<int32_t>(state_ >> 40) - (1 << 23)) * 0x1p-23F;
  }
  uint32_t Below(uint32_t n) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<uint32_t>((state_ >> 33) % n);
  }
  std::vector<float> Values(size_t n, float scale = 1.0F) {
    std::vector<float> v(n);
    for (float& x : v) x = Next() * scale;
    return v;
  }

 private:
  uint64_t state_;
};

}  // namespace parley::testing

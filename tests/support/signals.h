// Sounds that tests make: tones, noise, silence. The same on every machine.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <vector>

namespace parley::test {

inline std::vector<float> Tone(double hz, size_t samples, double amplitude = 0.5,
                               double rate_hz = 16000) {
  std::vector<float> tone(samples);
  for (size_t i = 0; i < samples; ++i) {
    tone[i] = static_cast<float>(
        amplitude * std::sin(2.0 * std::numbers::pi * hz * static_cast<double>(i) / rate_hz));
  }
  return tone;
}

// Uniform in ±amplitude, from a 64-bit linear congruence.
inline std::vector<float> Noise(size_t samples, float amplitude = 0.1f, uint64_t seed = 1) {
  std::vector<float> noise(samples);
  for (float& x : noise) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    x = amplitude * (static_cast<float>(seed >> 40) / static_cast<float>(1 << 23) - 1.0f);
  }
  return noise;
}

}  // namespace parley::test

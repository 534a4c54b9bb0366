// Normally distributed numbers from a seed, the same on every machine and standard library.
// Thread:   a pure function on its state.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace parley::tts {

// SplitMix64: one addition and three mixing steps a draw.
inline uint64_t NextBits(uint64_t& state) {
  uint64_t z = (state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

struct GaussianPair {
  float first = 0;
  float second = 0;
};

// Box-Muller on two 32-bit uniforms.
inline GaussianPair NextGaussians(uint64_t& state) {
  const uint64_t bits = NextBits(state);
  const float u = (static_cast<float>(bits >> 40) + 1.0F) * 0x1p-24F;  // (0, 1]
  const float v = static_cast<float>(bits & 0xFFFFFFu) * 0x1p-24F;
  const float radius = std::sqrt(-2.0F * std::log(u));
  const float angle = 2.0F * std::numbers::pi_v<float> * v;
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

}  // namespace parley::tts

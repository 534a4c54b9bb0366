// Random numbers by a counter: value i of a seed, the same on the host and on a device, in any order.
// Thread:   pure functions.
// Memory:   none.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define PARLEY_ANYWHERE __host__ __device__
#else
#define PARLEY_ANYWHERE
#endif

namespace parley::kernels {

// splitmix64's output function over its counter.
PARLEY_ANYWHERE inline uint64_t RandomBits(uint64_t seed, uint64_t i) {
  uint64_t z = seed + (i + 1) * 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

// Uniform in [-1, 1): 24 bits, so that every value is exactly a float.
PARLEY_ANYWHERE inline float RandomValue(uint64_t seed, uint64_t i) {
  const auto top = static_cast<int32_t>(RandomBits(seed, i) >> 40U);
  return static_cast<float>(top - (1 << 23)) * (1.0F / static_cast<float>(1 << 23));
}

}  // namespace parley::kernels

// Samples as files and networks write them, and as parley computes with them: 16 bit and float.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace parley::audio {

inline float FromInt16(int16_t x) { return static_cast<float>(x) * (1.0f / 32768.0f); }

// Rounds to nearest and clips; what is not a number becomes silence.
inline int16_t ToInt16(float x) {
  if (!(x == x)) return 0;
  return static_cast<int16_t>(std::lrintf(std::clamp(x * 32768.0f, -32768.0f, 32767.0f)));
}

}  // namespace parley::audio

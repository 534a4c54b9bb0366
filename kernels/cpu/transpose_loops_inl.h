// Turning keys where no shuffle network is worth its lines.
// Thread:   pure functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/tensor.h"

namespace parley::kernels::cpu {
namespace {

inline float Wide(float v) { return v; }
inline float Wide(uint16_t bf16) { return ToFloat(Bf16{bf16}); }

// out[c][i] = k[i][c] for i < n <= 16; T is float or the bits of a bf16
template <class T>
inline void Transpose(const T* k, ptrdiff_t stride, int32_t n, int32_t cols, float* out) {
  for (int32_t i = 0; i < n; ++i) {
    for (int32_t c = 0; c < cols; ++c) out[c * 16 + i] = Wide(k[i * stride + c]);
  }
}

}  // namespace
}  // namespace parley::kernels::cpu

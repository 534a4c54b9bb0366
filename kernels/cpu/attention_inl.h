// What attention needs beside dense products: keys turned so that 16 of them are the lanes, values as f32, softmax.
// Thread:   pure functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

// Included after one lanes_*_inl.h.
#include <cstring>
#include <limits>

#include "kernels/cpu/kernel_table.h"

namespace parley::kernels::cpu {
namespace {

inline void KeyTiles(const void* k, DType dtype, ptrdiff_t stride, int32_t keys, int32_t head_dim,
                     float* tiles) {
  for (int32_t first = 0; first < keys; first += kLanes, tiles += head_dim * kLanes) {
    const int32_t n = keys - first < kLanes ? keys - first : kLanes;
    if (n < kLanes) std::memset(tiles, 0, sizeof(float) * static_cast<size_t>(head_dim) * kLanes);
    if (dtype == DType::kF32) {
      Transpose(static_cast<const float*>(k) + first * stride, stride, n, head_dim, tiles);
    } else {
      Transpose(static_cast<const uint16_t*>(k) + first * stride, stride, n, head_dim, tiles);
    }
  }
}

inline void ValueRows(const void* v, DType dtype, ptrdiff_t stride, int32_t rows, int32_t cols,
                      int32_t padded, float* out) {
  for (int32_t r = 0; r < rows; ++r, out += padded) {
    if (dtype == DType::kF32) {
      std::memcpy(out, static_cast<const float*>(v) + r * stride,
                  sizeof(float) * static_cast<size_t>(cols));
    } else {
      const uint16_t* from = static_cast<const uint16_t*>(v) + r * stride;
      int32_t c = 0;
      for (; c + kLanes <= cols; c += kLanes) Store(out + c, LoadBf16(from + c));
      for (; c < cols; ++c) out[c] = ToFloat(Bf16{from[c]});
    }
    for (int32_t c = cols; c < padded; ++c) out[c] = 0.0F;
  }
}

inline void Softmax(float* s, int32_t n, int32_t padded, float scale, float* largest_out,
                    float* sum) {
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  F largest = Set(kLowest);
  int32_t i = 0;
  for (; i + kLanes <= n; i += kLanes) largest = Max(largest, Load(s + i));
  float top = Largest(largest);
  for (; i < n; ++i) top = s[i] > top ? s[i] : top;
  const F offset = Set(-top * scale);
  F total = Zero();
  for (i = 0; i + kLanes <= n; i += kLanes) {
    const F p = Exp(Fma(Load(s + i), Set(scale), offset));
    Store(s + i, p);
    total = Add(total, p);
  }
  if (i < n) {
    const F p = Exp(Fma(LoadN(s + i, n - i), Set(scale), offset));
    StoreN(s + i, p, n - i);
    total = Add(total, LoadN(s + i, n - i));
  }
  for (i = n; i < padded; ++i) s[i] = 0.0F;
  *largest_out = top;
  *sum = Sum(total);
}

}  // namespace
}  // namespace parley::kernels::cpu

// Activations to integers, equal to QuantiseSpan (weight_part.h) in every bit: the largest magnitude is found on bit
// patterns, the quotient is a true division, rounded half to even.
// Thread:   pure functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

// Included after one lanes_*_inl.h.
#include <bit>
#include <cfloat>
#include <cstring>
#include <limits>

#include "kernels/tensor.h"

namespace parley::kernels::cpu {
namespace {

// The scale of values whose largest magnitude has these bits; 0 and NaN both mean "all zeros".
inline float ScaleOf(uint32_t largest_bits) {
  constexpr uint32_t kInfinity = 0x7f800000;
  if (largest_bits >= kInfinity) return std::numeric_limits<float>::quiet_NaN();
  const float scale = std::bit_cast<float>(largest_bits) / 127.0F;
  return scale < FLT_MIN ? 0.0F : scale;
}

inline void QuantiseGroups(const float* x, int32_t in, int8_t* q, float* scale, float* scaled_sum,
                           int32_t* neg_sum) {
  for (int32_t k = 0; k < in; k += 32, ++scale, ++scaled_sum, ++neg_sum) {
    const F a = Load(x + k);
    const F b = Load(x + k + 16);
    *scale = ScaleOf(LargestAbsBits(a, b));
    if (!(*scale > 0.0F)) {
      std::memset(q + k, 0, 32);
      *scaled_sum = *scale;
      *neg_sum = 0;
      continue;
    }
    const F whole_a = Round(Div(a, Set(*scale)));
    const F whole_b = Round(Div(b, Set(*scale)));
    StoreBytes(q + k, whole_a);
    StoreBytes(q + k + 16, whole_b);
    const float sum = Sum(Add(whole_a, whole_b));  // whole numbers: exact in any order
    *scaled_sum = *scale * sum;
    *neg_sum = -static_cast<int32_t>(sum);
  }
}

inline void QuantiseRow(const float* x, int32_t in, int8_t* q, float* scale, int32_t* neg_sum) {
  uint32_t largest = 0;
  int32_t k = 0;
  for (; k + 16 <= in; k += 16) {
    const uint32_t bits = LargestAbsBits(Load(x + k), Zero());
    largest = bits > largest ? bits : largest;
  }
  if (k < in) {
    const uint32_t bits = LargestAbsBits(LoadN(x + k, in - k), Zero());
    largest = bits > largest ? bits : largest;
  }
  *scale = ScaleOf(largest);
  *neg_sum = 0;
  if (!(*scale > 0.0F)) {
    std::memset(q, 0, static_cast<size_t>(in + 3) / 4 * 4);
    return;
  }
  F sum = Zero();
  const F divisor = Set(*scale);
  for (k = 0; k + 16 <= in; k += 16) {
    const F whole = Round(Div(Load(x + k), divisor));
    StoreBytes(q + k, whole);
    sum = Add(sum, whole);
  }
  if (k < in) {
    int8_t tail[16];
    const F whole = Round(Div(LoadN(x + k, in - k), divisor));
    StoreBytes(tail, whole);
    std::memcpy(q + k, tail, static_cast<size_t>(in - k + 3) / 4 * 4);  // zeros fill the last step
    sum = Add(sum, whole);
  }
  *neg_sum = -static_cast<int32_t>(Sum(sum));  // below 2^24 for rows up to 131072 values
}

inline void ToBf16Row(const float* x, int32_t n, uint16_t* out) {
  for (int32_t i = 0; i < n; ++i) {  // the compiler makes vectors of this
    const uint32_t bits = std::bit_cast<uint32_t>(x[i]);
    const uint32_t rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
    const bool nan = (bits & 0x7fffffffU) > 0x7f800000U;
    out[i] = static_cast<uint16_t>(nan ? (bits >> 16) | 0x40U : rounded);
  }
}

}  // namespace
}  // namespace parley::kernels::cpu

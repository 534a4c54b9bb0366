// Activations to integers, equal to QuantiseRow (weight_part.h) in every bit: the largest magnitude is found on bit
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
#include "kernels/weight_part.h"

namespace parley::kernels::cpu {
namespace {

// The scale that brings the largest magnitude of a row to `most`; 0 and NaN both mean "all zeros".
inline float ScaleOf(const float* x, int32_t n, float most) {
  uint32_t largest = 0;
  int32_t k = 0;
  for (; k + 32 <= n; k += 32) {
    const uint32_t bits = LargestAbsBits(Load(x + k), Load(x + k + 16));
    largest = bits > largest ? bits : largest;
  }
  for (; k < n; k += 16) {
    const uint32_t bits = LargestAbsBits(LoadN(x + k, n - k < 16 ? n - k : 16), Zero());
    largest = bits > largest ? bits : largest;
  }
  constexpr uint32_t kInfinity = 0x7f800000;
  if (largest >= kInfinity) return std::numeric_limits<float>::quiet_NaN();
  const float scale = std::bit_cast<float>(largest) / most;
  return scale < FLT_MIN ? 0.0F : scale;
}

// 16 whole numbers up to 32512 as 256 * high + low. The nearest multiple of 256, ties upwards, leaves -128…127.
inline void StoreWide(int8_t* high, int8_t* low, F whole) {
  const F h = Floor(Fma(whole, Set(1.0F / 256), Set(0.5F)));  // exact: 24 bits hold the sum
  StoreBytes(high, h);
  StoreBytes(low, Fma(h, Set(-256.0F), whole));
}

// A row in 16 bits: for each group of 32 its high bytes, then its low bytes, and its sum.
inline void QuantiseWide(const float* x, int32_t in, int8_t* q, float* scale, float* sum,
                         int32_t* neg_sum) {
  *scale = ScaleOf(x, in, kMostWide);
  const F divisor = Set(*scale);
  const bool zeros = !(*scale > 0.0F);
  for (int32_t k = 0; k < in; k += 32, q += 64, ++sum, ++neg_sum) {
    const F a = zeros ? Zero() : Round(Div(Load(x + k), divisor));
    const F b = zeros ? Zero() : Round(Div(Load(x + k + 16), divisor));
    StoreWide(q, q + 32, a);
    StoreWide(q + 16, q + 48, b);
    *sum = Sum(Add(a, b));  // whole numbers below 2^24: exact in any order
    *neg_sum = -static_cast<int32_t>(*sum);
  }
}

inline void QuantiseRow(const float* x, int32_t in, int8_t* q, float* scale, int32_t* neg_sum) {
  *scale = ScaleOf(x, in, kMostByte);
  *neg_sum = 0;
  if (!(*scale > 0.0F)) {
    std::memset(q, 0, static_cast<size_t>(in + 3) / 4 * 4);
    return;
  }
  int32_t k = 0;
  F sum = Zero();
  const F divisor = Set(*scale);
  for (; k + 16 <= in; k += 16) {
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

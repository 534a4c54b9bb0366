// Sixteen lanes as one 512-bit register. The three lanes_*_inl.h offer the same few functions; every kernel is written
// once on top of them and compiled once for each instruction set (isa_*.cc).
// Thread:   pure functions.
// Memory:   loads and stores need no alignment.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace parley::kernels::cpu {
namespace {

using F = __m512;   // 16 floats
using I = __m512i;  // 16 int32, or 64 bytes

inline constexpr int kRowBlock = 6;  // rows × tiles of a dense product that stay in registers
inline constexpr int kTileBlock = 4;
inline constexpr int kGroupRowBlock = 8;  // rows of a grouped product that share one unpacked tile

inline __mmask16 FirstLanes(int n) { return static_cast<__mmask16>((1U << n) - 1U); }

inline F Zero() { return _mm512_setzero_ps(); }
inline F Set(float v) { return _mm512_set1_ps(v); }
inline F Load(const float* p) { return _mm512_loadu_ps(p); }
inline F LoadN(const float* p, int n) { return _mm512_maskz_loadu_ps(FirstLanes(n), p); }
inline void Store(float* p, F v) { _mm512_storeu_ps(p, v); }
inline void StoreN(float* p, F v, int n) { _mm512_mask_storeu_ps(p, FirstLanes(n), v); }
inline F Add(F a, F b) { return _mm512_add_ps(a, b); }
inline F Sub(F a, F b) { return _mm512_sub_ps(a, b); }
inline F Mul(F a, F b) { return _mm512_mul_ps(a, b); }
inline F Div(F a, F b) { return _mm512_div_ps(a, b); }
inline F Fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }  // a * b + c
inline F Max(F a, F b) { return _mm512_max_ps(a, b); }            // b when either is NaN
inline F Min(F a, F b) { return _mm512_min_ps(a, b); }
inline F Round(F v) { return _mm512_roundscale_ps(v, 0); }  // to nearest even
inline F Floor(F v) { return _mm512_roundscale_ps(v, 1); }
inline F Abs(F v) { return _mm512_abs_ps(v); }
inline F SelectBelow(F x, F limit, F then, F otherwise) {  // x < limit ? then : otherwise
  return _mm512_mask_mov_ps(otherwise, _mm512_cmp_ps_mask(x, limit, _CMP_LT_OQ), then);
}
inline F TimesPow2(F v, F n) { return _mm512_scalef_ps(v, n); }  // n whole
inline float Sum(F v) { return _mm512_reduce_add_ps(v); }
inline float Largest(F v) { return _mm512_reduce_max_ps(v); }
inline bool AnyAbove(F v, F limit) { return _mm512_cmp_ps_mask(v, limit, _CMP_GT_OQ) != 0; }

inline F LoadHalf(const uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
inline F LoadBf16(const uint16_t* p) {
  const __m512i wide =
      _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
inline I SetInt(int32_t v) { return _mm512_set1_epi32(v); }
inline I LoadInt(const void* p) { return _mm512_loadu_si512(p); }
inline I ShiftLeft(I v, int n) { return _mm512_slli_epi32(v, static_cast<unsigned>(n)); }
inline I AddInt(I a, I b) { return _mm512_add_epi32(a, b); }
inline F FromInt(I v) { return _mm512_cvtepi32_ps(v); }
inline I LowNibbles(I v) { return _mm512_and_si512(v, _mm512_set1_epi8(15)); }
inline I HighNibbles(I v) { return LowNibbles(_mm512_srli_epi16(v, 4)); }

// acc + w[4 l]·a[0] + … + w[4 l + 3]·a[3]: unsigned bytes of the weight, the same four signed bytes for all lanes.
// In assembler, because g++ 12 copies the sum before and after every _mm512_dpbusd_epi32: twice the time.
inline I DotBytes(I acc, I w, const int8_t* a) {
  int32_t four;
  __builtin_memcpy(&four, a, sizeof(four));
  const I x = _mm512_set1_epi32(four);
  asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(w), "v"(x));
  return acc;
}
// The same where the four bytes serve only this once.
inline I DotBytesOnce(I acc, I w, const int8_t* a) {
  asm("vpdpbusd %2%{1to16%}, %1, %0"
      : "+v"(acc)
      : "v"(w), "m"(*reinterpret_cast<const int32_t*>(a)));
  return acc;
}
inline I DotNibblesOnce(I acc, I w, const int8_t* a) { return DotBytesOnce(acc, w, a); }

// acc + w[2 l]·a[0] + w[2 l + 1]·a[1] in bf16 pairs.
inline F DotBf16(F acc, I w, const uint16_t* a) {
  int32_t two;
  __builtin_memcpy(&two, a, sizeof(two));
  return _mm512_dpbf16_ps(acc, reinterpret_cast<__m512bh>(w),
                          reinterpret_cast<__m512bh>(_mm512_set1_epi32(two)));
}

// The largest bit pattern of |v|: orders as the values do, with infinity and NaN above all numbers.
inline uint32_t LargestAbsBits(F a, F b) {
  const __m512i mask = _mm512_set1_epi32(0x7fffffff);
  return _mm512_reduce_max_epu32(_mm512_max_epu32(_mm512_and_si512(_mm512_castps_si512(a), mask),
                                                  _mm512_and_si512(_mm512_castps_si512(b), mask)));
}
inline void StoreBytes(int8_t* p, F whole) {  // 16 whole numbers in -128…127
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(whole)));
}

inline F LoadBf16N(const uint16_t* p, int n) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(FirstLanes(n), p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

inline F LowPairs(F a, F b) {
  return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
}
inline F HighPairs(F a, F b) {
  return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
}

// rows[i] lane j <-> rows[j] lane i
inline void Transpose16(F (&r)[16]) {
  F t[16];
  for (int i = 0; i < 16; i += 2) {  // pairs of rows
    t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {  // quarters: lane group g of r[i + j] holds column 4 g + j
    r[i] = LowPairs(t[i], t[i + 2]);
    r[i + 1] = HighPairs(t[i], t[i + 2]);
    r[i + 2] = LowPairs(t[i + 1], t[i + 3]);
    r[i + 3] = HighPairs(t[i + 1], t[i + 3]);
  }
  for (int j = 0; j < 4; ++j) {
    const F lo02 = _mm512_shuffle_f32x4(r[j], r[j + 4], 0x88);
    const F lo13 = _mm512_shuffle_f32x4(r[j], r[j + 4], 0xdd);
    const F hi02 = _mm512_shuffle_f32x4(r[j + 8], r[j + 12], 0x88);
    const F hi13 = _mm512_shuffle_f32x4(r[j + 8], r[j + 12], 0xdd);
    t[j] = _mm512_shuffle_f32x4(lo02, hi02, 0x88);
    t[j + 8] = _mm512_shuffle_f32x4(lo02, hi02, 0xdd);
    t[j + 4] = _mm512_shuffle_f32x4(lo13, hi13, 0x88);
    t[j + 12] = _mm512_shuffle_f32x4(lo13, hi13, 0xdd);
  }
  for (int i = 0; i < 16; ++i) r[i] = t[i];
}

inline F LoadRow(const float* p, int n) { return n == 16 ? Load(p) : LoadN(p, n); }
inline F LoadRow(const uint16_t* p, int n) { return n == 16 ? LoadBf16(p) : LoadBf16N(p, n); }

// out[c][i] = k[i][c] for i < n <= 16, zero for the other lanes; T is float or the bits of a bf16
template <class T>
inline void Transpose(const T* k, ptrdiff_t stride, int32_t n, int32_t cols, float* out) {
  for (int32_t c = 0; c < cols; c += 16, out += 256) {
    const int32_t width = cols - c < 16 ? cols - c : 16;
    F r[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) r[i] = i < n ? LoadRow(k + i * stride + c, width) : Zero();
    Transpose16(r);
    for (int32_t i = 0; i < width; ++i) Store(out + i * 16, r[i]);
  }
}

}  // namespace
}  // namespace parley::kernels::cpu

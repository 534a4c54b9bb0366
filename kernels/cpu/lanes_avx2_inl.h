// Sixteen lanes as two 256-bit registers; with PARLEY_AVX_VNNI the byte products are the VNNI instruction, else
// multiply-adds that are exact for our ranges. See lanes_avx512_inl.h for what the functions mean.
// Thread:   pure functions.
// Memory:   loads and stores need no alignment.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace parley::kernels::cpu {
namespace {

struct F {
  __m256 lo, hi;
};
struct I {
  __m256i lo, hi;
};

inline constexpr int kRowBlock = 6;
inline constexpr int kTileBlock = 1;
inline constexpr int kGroupRowBlock = 4;

inline __m256i LaneMask(int n) {  // the first n of eight lanes
  const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), index);
}

inline F Zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
inline F Set(float v) { return {_mm256_set1_ps(v), _mm256_set1_ps(v)}; }
inline F Load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
inline F LoadN(const float* p, int n) {
  if (n <= 8) return {_mm256_maskload_ps(p, LaneMask(n)), _mm256_setzero_ps()};
  return {_mm256_loadu_ps(p), _mm256_maskload_ps(p + 8, LaneMask(n - 8))};
}
inline void Store(float* p, F v) {
  _mm256_storeu_ps(p, v.lo);
  _mm256_storeu_ps(p + 8, v.hi);
}
inline void StoreN(float* p, F v, int n) {
  _mm256_maskstore_ps(p, LaneMask(n), v.lo);
  if (n > 8) _mm256_maskstore_ps(p + 8, LaneMask(n - 8), v.hi);
}
inline F Add(F a, F b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
inline F Sub(F a, F b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
inline F Mul(F a, F b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
inline F Div(F a, F b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
inline F Fma(F a, F b, F c) {
  return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
inline F Max(F a, F b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
inline F Min(F a, F b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
inline F Round(F v) {
  constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(v.lo, kNearest), _mm256_round_ps(v.hi, kNearest)};
}
inline F Floor(F v) { return {_mm256_floor_ps(v.lo), _mm256_floor_ps(v.hi)}; }
inline F Abs(F v) {
  const __m256 sign = _mm256_set1_ps(-0.0F);
  return {_mm256_andnot_ps(sign, v.lo), _mm256_andnot_ps(sign, v.hi)};
}
inline F SelectBelow(F x, F limit, F then, F otherwise) {
  return {_mm256_blendv_ps(otherwise.lo, then.lo, _mm256_cmp_ps(x.lo, limit.lo, _CMP_LT_OQ)),
          _mm256_blendv_ps(otherwise.hi, then.hi, _mm256_cmp_ps(x.hi, limit.hi, _CMP_LT_OQ))};
}
inline __m256 Pow2(__m256 n) {  // -126 <= n <= 127
  const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
  return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
}
inline F TimesPow2(F v, F n) {  // in two steps: n may reach 128
  const F half =
      Round({_mm256_mul_ps(n.lo, _mm256_set1_ps(0.5F)), _mm256_mul_ps(n.hi, _mm256_set1_ps(0.5F))});
  const F rest = Sub(n, half);
  const F once = Mul(v, {Pow2(half.lo), Pow2(half.hi)});
  return Mul(once, {Pow2(rest.lo), Pow2(rest.hi)});
}
inline float Sum(F v) {
  const __m256 eight = _mm256_add_ps(v.lo, v.hi);
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  four = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(four, _mm_shuffle_ps(four, four, 1)));
}
inline float Largest(F v) {
  const __m256 eight = _mm256_max_ps(v.lo, v.hi);
  __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  four = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(four, _mm_shuffle_ps(four, four, 1)));
}
inline bool AnyAbove(F v, F limit) {
  return _mm256_movemask_ps(_mm256_or_ps(_mm256_cmp_ps(v.lo, limit.lo, _CMP_GT_OQ),
                                         _mm256_cmp_ps(v.hi, limit.hi, _CMP_GT_OQ))) != 0;
}

inline __m128i Load128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
inline F LoadHalf(const uint16_t* p) {
  return {_mm256_cvtph_ps(Load128(p)), _mm256_cvtph_ps(Load128(p + 8))};
}
inline F LoadBf16(const uint16_t* p) {
  const __m256i lo = _mm256_slli_epi32(_mm256_cvtepu16_epi32(Load128(p)), 16);
  const __m256i hi = _mm256_slli_epi32(_mm256_cvtepu16_epi32(Load128(p + 8)), 16);
  return {_mm256_castsi256_ps(lo), _mm256_castsi256_ps(hi)};
}
inline I SetInt(int32_t v) { return {_mm256_set1_epi32(v), _mm256_set1_epi32(v)}; }
inline I LoadInt(const void* p) {
  const auto* v = static_cast<const __m256i*>(p);
  return {_mm256_loadu_si256(v), _mm256_loadu_si256(v + 1)};
}
inline I ShiftLeft(I v, int n) { return {_mm256_slli_epi32(v.lo, n), _mm256_slli_epi32(v.hi, n)}; }
inline I AddInt(I a, I b) { return {_mm256_add_epi32(a.lo, b.lo), _mm256_add_epi32(a.hi, b.hi)}; }
inline F FromInt(I v) { return {_mm256_cvtepi32_ps(v.lo), _mm256_cvtepi32_ps(v.hi)}; }
inline I LowNibbles(I v) {
  const __m256i mask = _mm256_set1_epi8(15);
  return {_mm256_and_si256(v.lo, mask), _mm256_and_si256(v.hi, mask)};
}
inline I HighNibbles(I v) {
  return LowNibbles({_mm256_srli_epi16(v.lo, 4), _mm256_srli_epi16(v.hi, 4)});
}

inline __m256i Broadcast4(const void* a) {
  int32_t four;
  __builtin_memcpy(&four, a, sizeof(four));
  return _mm256_set1_epi32(four);
}

#ifdef PARLEY_AVX_VNNI
// In assembler: see lanes_avx512_inl.h.
inline __m256i Dot4(__m256i acc, __m256i w, __m256i x) {
  asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(acc) : "x"(w), "x"(x));
  return acc;
}
inline I DotBytes(I acc, I w, const int8_t* a) {
  const __m256i x = Broadcast4(a);
  return {Dot4(acc.lo, w.lo, x), Dot4(acc.hi, w.hi, x)};
}
inline I DotNibblesOnce(I acc, I w, const int8_t* a) { return DotBytes(acc, w, a); }
#else
inline __m256i AddPairs(__m256i acc, __m256i sixteens) {
  return _mm256_add_epi32(acc, _mm256_madd_epi16(sixteens, _mm256_set1_epi16(1)));
}
// Bytes up to 15: a pair is at most 2 * 15 * 128, far from the saturation of the 16-bit sums.
inline I DotNibblesOnce(I acc, I w, const int8_t* a) {
  const __m256i x = Broadcast4(a);
  return {AddPairs(acc.lo, _mm256_maddubs_epi16(w.lo, x)),
          AddPairs(acc.hi, _mm256_maddubs_epi16(w.hi, x))};
}
// Bytes up to 255 would saturate: even and odd bytes apart, as 16-bit numbers, sum exactly into 32 bits.
inline __m256i WideDot(__m256i acc, __m256i w, __m256i x) {
  const __m256i even_w = _mm256_and_si256(w, _mm256_set1_epi16(0xff));
  const __m256i odd_w = _mm256_srli_epi16(w, 8);
  const __m256i even_x = _mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8);
  const __m256i odd_x = _mm256_srai_epi16(x, 8);
  return _mm256_add_epi32(
      acc, _mm256_add_epi32(_mm256_madd_epi16(even_w, even_x), _mm256_madd_epi16(odd_w, odd_x)));
}
inline I DotBytes(I acc, I w, const int8_t* a) {
  const __m256i x = Broadcast4(a);
  return {WideDot(acc.lo, w.lo, x), WideDot(acc.hi, w.hi, x)};
}
#endif
inline I DotBytesOnce(I acc, I w, const int8_t* a) { return DotBytes(acc, w, a); }

// bf16 pairs as two f32 products: the odd element of a pair is its upper half as it stands.
inline __m256 EvenBf16(__m256i v) { return _mm256_castsi256_ps(_mm256_slli_epi32(v, 16)); }
inline __m256 OddBf16(__m256i v) {
  const __m256i upper = _mm256_set1_epi32(static_cast<int32_t>(0xffff0000U));
  return _mm256_castsi256_ps(_mm256_and_si256(v, upper));
}
inline __m256 PairDot(__m256 acc, __m256i w, __m256i x) {
  return _mm256_fmadd_ps(OddBf16(w), OddBf16(x), _mm256_fmadd_ps(EvenBf16(w), EvenBf16(x), acc));
}
inline F DotBf16(F acc, I w, const uint16_t* a) {
  const __m256i x = Broadcast4(a);
  return {PairDot(acc.lo, w.lo, x), PairDot(acc.hi, w.hi, x)};
}

inline uint32_t LargestAbsBits(F a, F b) {
  const F x = Abs(a);
  const F y = Abs(b);
  const __m256i eight =
      _mm256_max_epu32(_mm256_max_epu32(_mm256_castps_si256(x.lo), _mm256_castps_si256(x.hi)),
                       _mm256_max_epu32(_mm256_castps_si256(y.lo), _mm256_castps_si256(y.hi)));
  __m128i four = _mm_max_epu32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  four = _mm_max_epu32(four, _mm_shuffle_epi32(four, 0x4e));
  four = _mm_max_epu32(four, _mm_shuffle_epi32(four, 0xb1));
  return static_cast<uint32_t>(_mm_cvtsi128_si32(four));
}
inline void StoreBytes(int8_t* p, F whole) {
  const __m256i words =
      _mm256_packs_epi32(_mm256_cvtps_epi32(whole.lo), _mm256_cvtps_epi32(whole.hi));
  const __m256i ordered = _mm256_permute4x64_epi64(words, 0xd8);
  const __m128i bytes =
      _mm_packs_epi16(_mm256_castsi256_si128(ordered), _mm256_extracti128_si256(ordered, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
}

}  // namespace
}  // namespace parley::kernels::cpu

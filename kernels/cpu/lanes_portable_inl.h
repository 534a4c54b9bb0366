// Sixteen lanes as plain arrays: any processor, and what the compiler makes of it. See lanes_avx512_inl.h for what the
// functions mean.
// Thread:   pure functions.
// Memory:   loads and stores need no alignment.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/tensor.h"

namespace parley::kernels::cpu {
namespace {

struct F {
  float v[16];
};
struct I {
  int32_t v[16];
};

inline constexpr int kRowBlock = 4;
inline constexpr int kTileBlock = 1;
inline constexpr int kGroupRowBlock = 4;

template <class Fn>
inline F Each(const Fn& fn) {
  F r;
  for (int i = 0; i < 16; ++i) r.v[i] = fn(i);
  return r;
}
template <class Fn>
inline I EachInt(const Fn& fn) {
  I r;
  for (int i = 0; i < 16; ++i) r.v[i] = fn(i);
  return r;
}

inline F Zero() { return F{}; }
inline F Set(float v) {
  return Each([=](int) { return v; });
}
inline F LoadN(const float* p, int n) {
  F r{};
  std::memcpy(r.v, p, sizeof(float) * static_cast<size_t>(n));
  return r;
}
inline F Load(const float* p) { return LoadN(p, 16); }
inline void StoreN(float* p, const F& v, int n) {
  std::memcpy(p, v.v, sizeof(float) * static_cast<size_t>(n));
}
inline void Store(float* p, const F& v) { StoreN(p, v, 16); }
inline F Add(const F& a, const F& b) {
  return Each([&](int i) { return a.v[i] + b.v[i]; });
}
inline F Sub(const F& a, const F& b) {
  return Each([&](int i) { return a.v[i] - b.v[i]; });
}
inline F Mul(const F& a, const F& b) {
  return Each([&](int i) { return a.v[i] * b.v[i]; });
}
inline F Div(const F& a, const F& b) {
  return Each([&](int i) { return a.v[i] / b.v[i]; });
}
inline F Fma(const F& a, const F& b, const F& c) {  // in two roundings
  return Each([&](int i) { return a.v[i] * b.v[i] + c.v[i]; });
}
inline F Max(const F& a, const F& b) {
  return Each([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
inline F Min(const F& a, const F& b) {
  return Each([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
}
inline F Round(const F& v) {
  return Each([&](int i) { return std::nearbyint(v.v[i]); });
}
inline F Floor(const F& v) {
  return Each([&](int i) { return std::floor(v.v[i]); });
}
inline F Abs(const F& v) {
  return Each([&](int i) { return std::fabs(v.v[i]); });
}
inline F SelectBelow(const F& x, const F& limit, const F& then, const F& otherwise) {
  return Each([&](int i) { return x.v[i] < limit.v[i] ? then.v[i] : otherwise.v[i]; });
}
inline F TimesPow2(const F& v, const F& n) {
  return Each([&](int i) {
    return std::isnan(n.v[i]) ? n.v[i] : std::ldexp(v.v[i], static_cast<int>(n.v[i]));
  });
}
inline float Sum(const F& v) {
  float s = 0.0F;
  for (float x : v.v) s += x;
  return s;
}
inline float Largest(const F& v) { return *std::max_element(v.v, v.v + 16); }
inline bool AnyAbove(const F& v, const F& limit) {
  bool any = false;
  for (int i = 0; i < 16; ++i) any = any || v.v[i] > limit.v[i];
  return any;
}

inline F LoadHalf(const uint16_t* p) {
  return Each([&](int i) { return HalfToFloat(p[i]); });
}
inline F LoadBf16(const uint16_t* p) {
  return Each([&](int i) { return std::bit_cast<float>(static_cast<uint32_t>(p[i]) << 16); });
}
inline I SetInt(int32_t v) {
  return EachInt([=](int) { return v; });
}
inline I LoadInt(const void* p) {
  I r;
  std::memcpy(r.v, p, sizeof(r.v));
  return r;
}
inline I ShiftLeft(const I& v, int n) {
  return EachInt([&](int i) { return v.v[i] * (1 << n); });
}
inline I AddInt(const I& a, const I& b) {
  return EachInt([&](int i) {  // wraps, as the vector instructions do
    return static_cast<int32_t>(static_cast<uint32_t>(a.v[i]) + static_cast<uint32_t>(b.v[i]));
  });
}
inline F FromInt(const I& v) {
  return Each([&](int i) { return static_cast<float>(v.v[i]); });
}
inline I LowNibbles(const I& v) {
  return EachInt([&](int i) { return v.v[i] & 0x0f0f0f0f; });
}
inline I HighNibbles(const I& v) {
  return EachInt([&](int i) { return (v.v[i] >> 4) & 0x0f0f0f0f; });
}

inline I DotBytes(const I& acc, const I& w, const int8_t* a) {
  uint8_t bytes[64];
  std::memcpy(bytes, w.v, sizeof(bytes));
  return EachInt([&](int i) {
    const uint8_t* b = bytes + 4 * i;
    return acc.v[i] + b[0] * a[0] + b[1] * a[1] + b[2] * a[2] + b[3] * a[3];
  });
}
inline I DotBytesOnce(const I& acc, const I& w, const int8_t* a) { return DotBytes(acc, w, a); }
inline I DotNibblesOnce(const I& acc, const I& w, const int8_t* a) { return DotBytes(acc, w, a); }

inline F DotBf16(const F& acc, const I& w, const uint16_t* a) {
  uint16_t pairs[32];
  std::memcpy(pairs, w.v, sizeof(pairs));
  const auto wide = [](uint16_t b) { return std::bit_cast<float>(static_cast<uint32_t>(b) << 16); };
  return Each([&](int i) {
    const float first = acc.v[i] + wide(pairs[2 * i]) * wide(a[0]);
    return first + wide(pairs[2 * i + 1]) * wide(a[1]);
  });
}

inline uint32_t LargestAbsBits(const F& a, const F& b) {
  uint32_t largest = 0;
  for (int i = 0; i < 16; ++i) {
    largest = std::max(largest, std::bit_cast<uint32_t>(a.v[i]) & 0x7fffffffU);
    largest = std::max(largest, std::bit_cast<uint32_t>(b.v[i]) & 0x7fffffffU);
  }
  return largest;
}
inline void StoreBytes(int8_t* p, const F& whole) {
  for (int i = 0; i < 16; ++i) p[i] = static_cast<int8_t>(whole.v[i]);
}

}  // namespace
}  // namespace parley::kernels::cpu

// Operations on one row: normalisations, activations, rotation, and the search behind TopK.
// Thread:   pure functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

// Included after one lanes_*_inl.h and math_inl.h.
#include <cmath>

#include "kernels/cpu/kernel_table.h"

namespace parley::kernels::cpu {
namespace {

struct WholeVector {
  F Get(const float* p) const { return Load(p); }
  void Put(float* p, F v) const { Store(p, v); }
};
struct VectorTail {
  int32_t n;
  F Get(const float* p) const { return LoadN(p, n); }
  void Put(float* p, F v) const { StoreN(p, v, n); }
};

// fn(i, at) over whole vectors and then the tail: a body is written once for both. Bodies say PARLEY_ISA, because g++
// does not extend its target pragma to lambdas.
template <class Fn>
inline void ForLanes(int32_t n, const Fn& fn) {
  int32_t i = 0;
  for (; i + kLanes <= n; i += kLanes) fn(i, WholeVector{});
  if (i < n) fn(i, VectorTail{n - i});
}

inline void RmsNormRow(const float* x, const float* weight, int32_t n, float eps, float* out) {
  F squares = Zero();
  ForLanes(n, [&](int32_t i, auto at) PARLEY_ISA {
    const F v = at.Get(x + i);
    squares = Fma(v, v, squares);
  });
  const F scale = Set(1.0F / std::sqrt(Sum(squares) / static_cast<float>(n) + eps));
  ForLanes(n, [&](int32_t i, auto at) PARLEY_ISA {
    const F v = Mul(at.Get(x + i), scale);
    at.Put(out + i, weight == nullptr ? v : Mul(v, at.Get(weight + i)));
  });
}

// Two passes: the mean first, then the squares of what is left, so that a large mean does not cancel.
inline void LayerNormRow(const float* x, const float* weight, const float* bias, int32_t n,
                         float eps, float* out) {
  F sum = Zero();
  ForLanes(n, [&](int32_t i, auto at) PARLEY_ISA { sum = Add(sum, at.Get(x + i)); });
  const float middle = Sum(sum) / static_cast<float>(n);
  const F mean = Set(middle);
  F squares = Zero();
  const int32_t whole = n / kLanes * kLanes;
  for (int32_t i = 0; i < whole; i += kLanes) {
    const F v = Sub(Load(x + i), mean);
    squares = Fma(v, v, squares);
  }
  float total = Sum(squares);
  for (int32_t i = whole; i < n; ++i) total += (x[i] - middle) * (x[i] - middle);
  const F scale = Set(1.0F / std::sqrt(total / static_cast<float>(n) + eps));
  ForLanes(n, [&](int32_t i, auto at) PARLEY_ISA {
    F v = Mul(Sub(at.Get(x + i), mean), scale);
    if (weight != nullptr) v = Mul(v, at.Get(weight + i));
    if (bias != nullptr) v = Add(v, at.Get(bias + i));
    at.Put(out + i, v);
  });
}

inline void AddRow(float* x, const float* delta, int32_t n) {
  ForLanes(n, [&](int32_t i, auto at)
                  PARLEY_ISA { at.Put(x + i, Add(at.Get(x + i), at.Get(delta + i))); });
}

inline void ScaleRow(float* x, float factor, int32_t n) {
  ForLanes(n,
           [&](int32_t i, auto at) PARLEY_ISA { at.Put(x + i, Mul(at.Get(x + i), Set(factor))); });
}

inline void BlendRow(float* x, float factor, const float* y, float other, int32_t n) {
  ForLanes(n, [&](int32_t i, auto at) PARLEY_ISA {
    at.Put(x + i, Fma(at.Get(x + i), Set(factor), Mul(at.Get(y + i), Set(other))));
  });
}

inline void SwiGluRow(const float* gate, const float* up, int32_t n, float* out) {
  ForLanes(n, [&](int32_t i, auto at) PARLEY_ISA {
    const F g = at.Get(gate + i);
    const F e = Exp(Sub(Zero(), g));  // infinity for very negative g: g / inf is the right -0
    at.Put(out + i, Mul(Div(g, Add(Set(1.0F), e)), at.Get(up + i)));
  });
}

// x Phi(x) with Phi from erfc on the side where it does not cancel.
inline void GeluRow(float* x, int32_t n) {
  ForLanes(n, [&](int32_t i, auto at) PARLEY_ISA {
    const F v = at.Get(x + i);
    const F tail = Mul(Set(0.5F), ErfcPositive(Mul(Abs(v), Set(0.707106781F))));
    const F phi = SelectBelow(v, Zero(), tail, Sub(Set(1.0F), tail));
    at.Put(x + i, Mul(v, phi));
  });
}

inline void ReluRow(float* x, int32_t n) {
  ForLanes(n, [&](int32_t i, auto at) PARLEY_ISA { at.Put(x + i, Max(at.Get(x + i), Zero())); });
}

inline void RopeSplit(float* head, const float* cosine, const float* sine, int32_t half) {
  ForLanes(half, [&](int32_t i, auto at) PARLEY_ISA {
    const F a = at.Get(head + i);
    const F b = at.Get(head + half + i);
    const F c = at.Get(cosine + i);
    const F s = at.Get(sine + i);
    at.Put(head + i, Sub(Mul(a, c), Mul(b, s)));
    at.Put(head + half + i, Fma(a, s, Mul(b, c)));
  });
}

inline void Mean2(const float* a, const float* b, int32_t n, float* out) {
  ForLanes(n, [&](int32_t i, auto at) PARLEY_ISA {
    at.Put(out + i, Mul(Add(at.Get(a + i), at.Get(b + i)), Set(0.5F)));
  });
}

inline int32_t FirstAbove(const float* x, int32_t begin, int32_t n, float limit) {
  int32_t i = begin;
  const F limits = Set(limit);
  while (i + kLanes <= n && !AnyAbove(Load(x + i), limits)) i += kLanes;
  while (i < n && !(x[i] > limit)) ++i;
  return i;
}

}  // namespace
}  // namespace parley::kernels::cpu

// The two transcendental functions of the model, to about one and a half units in the last place. The coefficients are
// our own minimax fits (Lawson iteration in double): exp(r) = 1 + r + r² p(r) on |r| <= ln 2 / 2, error 3e-9;
// erfc(z) e^(z²) / t = p(t), t = 1 / (1 + 0.4 z), 0 <= z <= 10, error 6e-8.
// Thread:   pure functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

// Included after one lanes_*_inl.h.

namespace parley::kernels::cpu {
namespace {

template <int kCount>
inline F Polynomial(F x, const float (&c)[kCount]) {  // c[0] + c[1] x + …
  F y = Set(c[kCount - 1]);
  for (int i = kCount - 2; i >= 0; --i) y = Fma(y, x, Set(c[i]));
  return y;
}

// 0 below the smallest normal result, infinity above the largest; NaN gives NaN.
inline F Exp(F x) {
  static constexpr float kFit[] = {0.49999994F, 0.166665211F, 0.0416683890F, 0.00836871658F,
                                   0.00138145988F};
  const F low = Set(-87.33F);
  const F capped = Max(low, Min(Set(89.0F), x));  // a NaN passes both: each keeps its second
  const F n = Round(Mul(capped, Set(1.44269504F)));
  const F r = Fma(n, Set(-3.19461849e-5F), Fma(n, Set(-0.693115234375F), capped));
  const F y = Add(Set(1.0F), Fma(Mul(r, r), Polynomial(r, kFit), r));
  return SelectBelow(x, low, Zero(), TimesPow2(y, n));
}

// erfc(z) for z >= 0
inline F ErfcPositive(F z) {
  static constexpr float kFit[] = {0.22563423F, 0.22644305F, 0.20188788F, 0.19339252F, 0.079757065F,
                                   0.0879651F,  0.08398518F, -0.1403175F, 0.04125253F};
  const F t = Div(Set(1.0F), Fma(z, Set(0.4F), Set(1.0F)));
  return Mul(Mul(t, Polynomial(t, kFit)), Exp(Mul(Mul(z, z), Set(-1.0F))));
}

}  // namespace
}  // namespace parley::kernels::cpu

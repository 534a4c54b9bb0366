// The bound of the golden tests.
// Thread:   a plain function.
// Memory:   none.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <numbers>

namespace parley::golden {

// How far PyTorch, which adds in f32, may be from a program that adds in double and rounds once.
//
// A sum of n products of independent weights around zero: its partial sums are of size sqrt(k), each is rounded with an
// error of at most u = 2^-24, half of f32's epsilon, of itself, and the errors are independent: together sqrt(1 + ... + n) u
// = n u / sqrt(2) (Higham and Mary 2020, on random data: lambda times that holds but with a probability of
// 2 exp(-lambda^2 / 2); lambda = 6: 3e-8, and a golden has some ten thousand values). We measure by the largest value of
// a tap, which is at least three standard deviations, 3 sqrt(n). So one sum is off by lambda sqrt(n) u / (3 sqrt(2)) of it.
// The errors of S sums behind one another are independent too, and a block's norms keep them from growing: sqrt(S).
inline double Epsilons(int sums, int longest) {
  constexpr double kLambda = 6, kHalf = 0.5;
  const double one_sum = kLambda * kHalf * std::sqrt(longest) / (3 * std::numbers::sqrt2);
  return 1 + one_sum * std::sqrt(sums);  // 1: the tap itself is rounded
}

}  // namespace parley::golden

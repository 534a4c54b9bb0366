// Attention of 16 query rows to 16 keys on tensor cores, by one warp, and the running softmax around it.
//
// Lane = 4 g + t. Query rows g and g + 8; of the keys' product columns (keys) 2 t and 2 t + 1; of the values' product 16
// dimensions a 64: the order of dimensions inside the products is free, so every lane loads 16 bytes at a time:
//   K: key g (and g + 8), dimensions 32 j + 8 t … + 7          (each piece feeds two products over dimensions)
//   V: keys 2 t, 2 t + 1, 2 t + 8, 2 t + 9, dimensions 64 h + 8 g … + 7   (two rows make the pairs of one product)
// so that the output of half h at t is dimensions 64 h + 16 t … + 15, in order.
// Thread:   device code, a whole warp at once.
// Memory:   registers.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "kernels/cuda/device_inl.h"

namespace parley::kernels::cuda {

inline constexpr float kLog2E = 1.4426950408889634F;

// Where piece `piece` of slot `slot` stands: keys are read as slots g at pieces t, values as slots 2 t at pieces g.
__device__ inline int Swapped(int slot, int piece) {
  return piece ^ ((slot & 6) ^ ((slot & 1) << 2));
}

template <int kDim>
struct QueryRows {
  uint4 low[kDim / 32];   // row g
  uint4 high[kDim / 32];  // row g + 8
};
template <int kDim>
struct Values16 {
  uint4 row[4][kDim / 64];  // keys 2 t, 2 t + 1, 2 t + 8, 2 t + 9
};
template <int kDim>
struct Keys16 {
  uint4 piece[2][kDim / 32];  // keys g, g + 8
};

// Sums of weighted values, their weights, the largest score, for rows g and g + 8.
template <int kDim>
struct Running {
  float out[kDim / 64][8][4];
  float most[2];
  float weight[2];  // of this lane's keys only

  __device__ void Clear() {
#pragma unroll
    for (auto& half : out) {
#pragma unroll
      for (auto& product : half) {
#pragma unroll
        for (float& v : product) v = 0.0F;
      }
    }
    most[0] = most[1] = -INFINITY;
    weight[0] = weight[1] = 0.0F;
  }
};

// scores[tile] of keys 8 tile + (2 t, 2 t + 1), rows g and g + 8: not scaled.
template <int kDim, bool kHigh>
__device__ inline void Scores(const QueryRows<kDim>& q, const Keys16<kDim>& k,
                              float (&scores)[2][4]) {
#pragma unroll
  for (int tile = 0; tile < 2; ++tile) {
#pragma unroll
    for (float& v : scores[tile]) v = 0.0F;
#pragma unroll
    for (int j = 0; j < kDim / 32; ++j) {
      const uint4& a = q.low[j];
      const uint4 b = kHigh ? q.high[j] : uint4{0, 0, 0, 0};
      Mma(scores[tile], a.x, b.x, a.y, b.y, k.piece[tile][j].x, k.piece[tile][j].y);
      Mma(scores[tile], a.z, b.z, a.w, b.w, k.piece[tile][j].z, k.piece[tile][j].w);
    }
  }
}

// Takes 16 keys in: scores are in powers of two already, -inf where a row must not look.
template <int kDim, bool kHigh>
__device__ inline void Take(float (&scores)[2][4], const Values16<kDim>& v, Running<kDim>& run) {
#pragma unroll
  for (int r = 0; r < (kHigh ? 2 : 1); ++r) {
    float most = fmaxf(fmaxf(scores[0][2 * r], scores[0][2 * r + 1]),
                       fmaxf(scores[1][2 * r], scores[1][2 * r + 1]));
    most = fmaxf(most, __shfl_xor_sync(~0U, most, 1));
    most = fmaxf(most, __shfl_xor_sync(~0U, most, 2));
    most = fmaxf(most, run.most[r]);
    const float base = most == -INFINITY ? 0.0F : most;  // no key yet: all weights are 0
    const float shrink = exp2f(run.most[r] - base);
    run.most[r] = most;
    run.weight[r] *= shrink;
#pragma unroll
    for (int tile = 0; tile < 2; ++tile) {
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        float& p = scores[tile][2 * r + i];
        p = exp2f(p - base);
        run.weight[r] += p;
      }
    }
    if (__any_sync(~0U, shrink != 1.0F)) {  // seldom, once the largest scores have been seen
#pragma unroll
      for (auto& half : run.out) {
#pragma unroll
        for (auto& product : half) {
          product[2 * r] *= shrink;
          product[2 * r + 1] *= shrink;
        }
      }
    }
  }
  const uint32_t a0 = PackBf16(scores[0][0], scores[0][1]);
  const uint32_t a1 = kHigh ? PackBf16(scores[0][2], scores[0][3]) : 0;
  const uint32_t a2 = PackBf16(scores[1][0], scores[1][1]);
  const uint32_t a3 = kHigh ? PackBf16(scores[1][2], scores[1][3]) : 0;
#pragma unroll
  for (int h = 0; h < kDim / 64; ++h) {
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      const auto word = [&](int row) { return Word(v.row[row][h], j / 2); };
      const uint32_t pick = j % 2 == 0 ? 0x5410 : 0x7632;
      Mma(run.out[h][j], a0, a1, a2, a3, __byte_perm(word(0), word(1), pick),
          __byte_perm(word(2), word(3), pick));
    }
  }
}

}  // namespace parley::kernels::cuda

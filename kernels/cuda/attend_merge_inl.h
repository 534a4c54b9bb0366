// Parts of an attention become one: each has, of every head of its group, sums of weighted values, the largest score and the sum
// of weights, [group][dim] [group] [group] floats.
// Thread:   device code, a whole block.
// Memory:   borrows.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "kernels/cuda/device_inl.h"

namespace parley::kernels::cuda {

inline constexpr int kMostParts = 64;
inline constexpr int kMostGroup = 8;                              // query heads a key head
inline constexpr int kMergeRoom = (kMostParts + 1) * kMostGroup;  // floats

__host__ __device__ inline int PartFloats(int group, int dim) { return group * (dim + 2); }

// read(part, i): float i of a part. write(head, i, value): value i of [group][dim], of those that this block, `rank` of `ranks`,
// is to make. `partial`: the result as a part instead, in whole.
template <int kDim, int kWarps, class ReadPart, class Write>
__device__ void Merge(const ReadPart& read, int parts, int group, float* partial, float* scales,
                      int rank, int ranks, const Write& write) {
  // What each part's numbers are worth, once for all dimensions; the sum of the weights behind them. A warp takes a head.
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int head = static_cast<int>(threadIdx.x) / kWarp; head < group; head += kWarps) {
    float most[kMostParts / kWarp];
    float weight[kMostParts / kWarp];
    float largest = -INFINITY;
#pragma unroll
    for (int i = 0; i < kMostParts / kWarp; ++i) {
      const int p = lane + i * kWarp;
      most[i] = p < parts ? read(p, group * kDim + head) : -INFINITY;
      weight[i] = p < parts ? read(p, group * (kDim + 1) + head) : 0.0F;
      largest = fmaxf(largest, most[i]);
    }
    largest = WarpMax(largest);
    const float base = largest == -INFINITY ? 0.0F : largest;
    float sum = 0.0F;
#pragma unroll
    for (int i = 0; i < kMostParts / kWarp; ++i) {
      const int p = lane + i * kWarp;
      const float scale = exp2f(most[i] - base);
      if (p < parts) scales[p * kMostGroup + head] = scale;
      sum += scale * weight[i];
    }
    sum = WarpSum(sum);
    if (lane == 0) {
      scales[kMostParts * kMostGroup + head] = sum;
      if (partial != nullptr) {
        partial[group * kDim + head] = largest;
        partial[group * (kDim + 1) + head] = sum;
      }
    }
  }
  __syncthreads();
  constexpr int kThreads = kWarps * kWarp;
  for (int i = static_cast<int>(threadIdx.x) + rank * kThreads; i < group * kDim;
       i += ranks * kThreads) {
    const int head = i / kDim;
    float sum = 0.0F;
#pragma unroll 8
    for (int p = 0; p < parts; ++p) sum += scales[p * kMostGroup + head] * read(p, i);
    if (partial == nullptr) {
      write(i, sum / scales[kMostParts * kMostGroup + head]);
    } else {
      partial[i] = sum;
    }
  }
}

}  // namespace parley::kernels::cuda

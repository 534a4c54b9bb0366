// The turn of a position: cosine and sine of every pair of a head.
// The angle is made in double: at position 60,000 a float's would be off by some thousandths.
// Thread:   device code, a whole block.
// Memory:   borrows.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/cuda/device_inl.h"
#include "kernels/cuda/launch.h"

namespace parley::kernels::cuda {

// turn: [head_dim / 2], in shared memory; the caller synchronises.
__device__ inline void Turn(const RopeOptions& rope, int32_t position, float2* turn) {
  for (int i = static_cast<int>(threadIdx.x); i < rope.head_dim / 2;
       i += static_cast<int>(blockDim.x)) {
    const double angle =
        position * exp2(-2.0 * i / rope.head_dim * log2(static_cast<double>(rope.theta)));
    constexpr double kCircle = 6.283185307179586476925;
    float sine = 0.0F;
    float cosine = 0.0F;
    sincosf(static_cast<float>(angle - kCircle * rint(angle / kCircle)), &sine, &cosine);
    turn[i] = {cosine, sine};
  }
}

// Eight values of a head that begin at dimension 8 p, and those half a head away, each as bf16: turned in place. Only where halves
// are turned against each other.
__device__ inline void TurnHalves(uint4& low, uint4& high, const float2* turn) {
  uint32_t a[4] = {low.x, low.y, low.z, low.w};
  uint32_t b[4] = {high.x, high.y, high.z, high.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float2 first = turn[2 * i];
    const float2 second = turn[2 * i + 1];
    const float a0 = __uint_as_float(a[i] << 16);
    const float a1 = __uint_as_float(a[i] & 0xFFFF0000U);
    const float b0 = __uint_as_float(b[i] << 16);
    const float b1 = __uint_as_float(b[i] & 0xFFFF0000U);
    a[i] = PackBf16(a0 * first.x - b0 * first.y, a1 * second.x - b1 * second.y);
    b[i] = PackBf16(a0 * first.y + b0 * first.x, a1 * second.y + b1 * second.x);
  }
  low = {a[0], a[1], a[2], a[3]};
  high = {b[0], b[1], b[2], b[3]};
}

}  // namespace parley::kernels::cuda

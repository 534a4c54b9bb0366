// Rows of bf16 in shared memory become f16 where they stand, each times a power of two of its own: products with e4m3 weights,
// which f16 holds exactly, then need no bf16. The power brings a row's largest value to [2^14, 2^15): a value keeps all its bits
// unless it is 2^28 times smaller than that, and what is lost below is 2^-39 of it at most.
// Thread:   device code, a whole warp at once.
// Memory:   shared memory: tiles of 64 values a row, swapped about as warpgroup_inl.h says.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_fp16.h>

#include "kernels/cuda/device_inl.h"

namespace parley::kernels::cuda {

// Where four of a row's 64 values stand that are lane % 16's.
__device__ inline uint32_t FourAt(uint32_t tile, int row, int lane) {
  const int piece = lane % 16 / 2;
  return tile + static_cast<uint32_t>(row * 128 + (piece ^ (row & 7)) * 16 + lane % 2 * 8);
}
__device__ inline uint32_t HalvesOf(uint32_t two, float factor) {
  const __half2 half = __floats2half2_rn(__uint_as_float(two << 16) * factor,
                                         __uint_as_float(two & 0xFFFF0000U) * factor);
  return *reinterpret_cast<const uint32_t*>(&half);
}

// The power of two of a row whose largest value's bits are these, as f32; zeros and what is not finite stay as they are; tiny values
// get the largest power that f32 has.
struct HalvingPower {
  uint32_t up, down;  // bits of f32
};
__device__ inline HalvingPower PowerOf(uint32_t most) {
  const int exponent = static_cast<int>(most >> 23) - 127;
  const int up = most == 0 || exponent == 128 ? 0 : min(14 - exponent, 126);
  return {static_cast<uint32_t>(up + 127) << 23, static_cast<uint32_t>(127 - up) << 23};
}

// The same of a row's values in registers of four lanes, neighbours: what undoes the power.
template <int kWords>
__device__ __forceinline__ float HalveWords(uint32_t (&x)[kWords]) {
  uint32_t pairs = 0;
#pragma unroll
  for (const uint32_t two : x) pairs = __vmaxu2(pairs, two & 0x7FFF7FFFU);
  uint32_t most = max(pairs >> 16, pairs & 0xFFFFU) << 16;
  most = max(most, __shfl_xor_sync(~0U, most, 1));
  most = max(most, __shfl_xor_sync(~0U, most, 2));
  const HalvingPower power = PowerOf(most);
#pragma unroll
  for (uint32_t& two : x) two = HalvesOf(two, __uint_as_float(power.up));
  return __uint_as_float(power.down);
}

// 128 values a row in two tiles, `tile_bytes` apart. down[row]: the power of two that undoes the row's. Rows are taken four at a
// time: what follows the last is changed too, and nobody may read it.
__device__ inline void HalveRows(uint32_t tiles, int tile_bytes, int rows, float* down) {
  constexpr int kAtOnce = 4;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const uint32_t x = tiles + static_cast<uint32_t>(lane / 16 * tile_bytes);
  for (int first = 0; first < rows; first += kAtOnce) {
    uint2 v[kAtOnce];
    uint32_t most[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      asm volatile("ld.shared.v2.u32 {%0, %1}, [%2];"
                   : "=r"(v[i].x), "=r"(v[i].y)
                   : "r"(FourAt(x, first + i, lane))
                   : "memory");
      most[i] = max(max(v[i].x & 0x7FFF0000U, v[i].x << 16 & 0x7FFF0000U),
                    max(v[i].y & 0x7FFF0000U, v[i].y << 16 & 0x7FFF0000U));
      most[i] = __reduce_max_sync(~0U, most[i]);
    }
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const HalvingPower power = PowerOf(most[i]);
      const float factor = __uint_as_float(power.up);
      asm volatile("st.shared.v2.u32 [%0], {%1, %2};" ::"r"(FourAt(x, first + i, lane)),
                   "r"(HalvesOf(v[i].x, factor)), "r"(HalvesOf(v[i].y, factor))
                   : "memory");
      if (lane == 0) down[first + i] = __uint_as_float(power.down);
    }
  }
}

}  // namespace parley::kernels::cuda

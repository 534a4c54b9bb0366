// Products of a warpgroup (warpgroup_inl.h) for few columns: 64 rows of weights times 8, 16 or 32 rows of x, both TileAlong, 16 of
// the inner dimension. bf16 weights come from shared memory, e4m3 weights through registers, where they become f16.
//
// Warp w, lane 4 g + t: c[j] holds of weight rows 16 w + g and 16 w + g + 8 the rows 8 j + 2 t and the next of x. Weights from
// registers: a[0], a[1] are rows g and g + 8 at 2 t and 2 t + 1 of the inner dimension, a[2], a[3] the same at 2 t + 8 and 2 t + 9.
// Thread:   device code; the four warps of a group, which begins at a multiple of four, issue together.
// Memory:   registers and shared memory.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/cuda/device_inl.h"
#include "kernels/cuda/operand_lists_inl.h"

namespace parley::kernels::cuda {

// c += a b, bf16.
__device__ __forceinline__ void Add(float (&c)[1][4], uint64_t a, uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 "
      "{%0, %1, %2, %3}, %4, %5, 1, 1, 1, 0, 0;"
      : PARLEY_SUMS_1(PARLEY_ADDED, c)
      : "l"(a), "l"(b));
}
__device__ __forceinline__ void Add(float (&c)[2][4], uint64_t a, uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7}, %8, %9, 1, 1, 1, 0, 0;"
      : PARLEY_SUMS_2(PARLEY_ADDED, c)
      : "l"(a), "l"(b));
}
__device__ __forceinline__ void Add(float (&c)[4][4], uint64_t a, uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, %16, %17, 1, 1, 1, "
      "0, 0;"
      : PARLEY_SUMS_4(PARLEY_ADDED, c)
      : "l"(a), "l"(b));
}
// c = a b, f16.
__device__ __forceinline__ void Make(float (&c)[1][4], const uint32_t (&a)[4], uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, %8, 0, 1, 1, 0;"
      : PARLEY_SUMS_1(PARLEY_MADE, c)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}
__device__ __forceinline__ void Make(float (&c)[2][4], const uint32_t (&a)[4], uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7}, {%8, %9, %10, %11}, %12, 0, 1, 1, 0;"
      : PARLEY_SUMS_2(PARLEY_MADE, c)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}
__device__ __forceinline__ void Make(float (&c)[4][4], const uint32_t (&a)[4], uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n32k16.f32.f16.f16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, {%16, %17, %18, "
      "%19}, %20, 0, 1, 1, 0;"
      : PARLEY_SUMS_4(PARLEY_MADE, c)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}
// c += a b, f16.
__device__ __forceinline__ void Add(float (&c)[1][4], const uint32_t (&a)[4], uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, %8, 1, 1, 1, 0;"
      : PARLEY_SUMS_1(PARLEY_ADDED, c)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}
__device__ __forceinline__ void Add(float (&c)[2][4], const uint32_t (&a)[4], uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7}, {%8, %9, %10, %11}, %12, 1, 1, 1, 0;"
      : PARLEY_SUMS_2(PARLEY_ADDED, c)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}
__device__ __forceinline__ void Add(float (&c)[4][4], const uint32_t (&a)[4], uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n32k16.f32.f16.f16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, {%16, %17, %18, "
      "%19}, %20, 1, 1, 1, 0;"
      : PARLEY_SUMS_4(PARLEY_ADDED, c)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}

// Two steps of 16 of the inner dimension of this warp's 16 rows, a word of four values of each: codes[0], codes[1] are rows g and
// g + 8 of the first step, codes[2], codes[3] of the second. `address`: lane l's, row l % 16 and 16-byte piece l / 16.
__device__ __forceinline__ void LoadCodes(uint32_t (&codes)[4], uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(codes[0]), "=r"(codes[1]), "=r"(codes[2]), "=r"(codes[3])
               : "r"(address)
               : "memory");
}

// What a product reads of a row that does not exist: anything.
__device__ __forceinline__ void LeaveAsIs(uint32_t (&a)[4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) asm volatile("" : "=r"(a[i]));
}

}  // namespace parley::kernels::cuda

// Hopper's own instructions: barriers in shared memory that count bytes, tiles copied by the tensor memory accelerator, products
// of a warpgroup. Included by .cu files only.
//
// A tile in shared memory is rows of 64 bf16, 128 bytes, at a multiple of 1024 bytes; the 16-byte piece p of row r stands at
// p ^ (r & 7), which is how the accelerator writes it (CU_TENSOR_MAP_SWIZZLE_128B) and how products read it. Where rows are
// wider than 64 values there is another tile behind the first.
// Thread:   device code; the four warps of a warpgroup, the first of them at a multiple of four, issue products together.
// Memory:   registers and shared memory.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda.h>

#include <cstdint>

#include "kernels/cuda/device_inl.h"
#include "kernels/cuda/operand_lists_inl.h"

namespace parley::kernels::cuda {

inline constexpr int kGroupThreads = 128;
inline constexpr int kGroupRows = 64;
inline constexpr int kTileCols = 64;
inline constexpr int kTileRowBytes = 128;
inline constexpr int kTileAlign = 1024;

// ---- barriers in shared memory --------------------------------------------------------------------------------------
// A phase ends when `arrivals` threads have arrived and all bytes that were announced have come. One thread prepares a barrier;
// the others use it once FenceBarriers and a __syncthreads have told them.
__device__ inline void InitBarrier(uint32_t barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
__device__ inline void FenceBarriers() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}
__device__ inline void Arrive(uint32_t barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
__device__ inline void ArriveAndExpect(uint32_t barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
               : "memory");
}
// Until the phase of this parity (0 for the first, then in turn) has ended.
__device__ inline void WaitBarrier(uint32_t barrier, uint32_t parity) {
  asm volatile(
      "{\n"
      ".reg .pred done;\n"
      "again:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
      "@!done bra again;\n"
      "}\n" ::"r"(barrier),
      "r"(parity)
      : "memory");
}
// A place in a ring of stages, and the parity of its barriers there.
template <int kStages>
struct Turn {
  int stage = 0;
  uint32_t parity = 0;
  __device__ void Next() {
    if (++stage == kStages) {
      stage = 0;
      parity ^= 1;
    }
  }
};
// Threads of some warps only; `id` from 1, 0 being __syncthreads.
__device__ inline void SyncSome(int id, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

// ---- the tensor memory accelerator ----------------------------------------------------------------------------------
__device__ inline void FetchMap(const CUtensorMap& map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory");
}
// The box at column x and row y to `to`; its bytes count at `barrier`. What lies outside the tensor arrives as zeros, and counts.
__device__ inline void CopyBox(uint32_t to, const CUtensorMap& map, int x, int y,
                               uint32_t barrier) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], "
      "[%1, {%2, %3}], [%4];" ::"r"(to),
      "l"(&map), "r"(x), "r"(y), "r"(barrier)
      : "memory");
}
__device__ inline void CopyBox(uint32_t to, const CUtensorMap& map, int x, int y, int z,
                               uint32_t barrier) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], "
      "[%1, {%2, %3, %4}], [%5];" ::"r"(to),
      "l"(&map), "r"(x), "r"(y), "r"(z), "r"(barrier)
      : "memory");
}
// Before a barrier that tells the others: what this thread wrote by ordinary stores is what products and bulk copies read.
__device__ inline void ShowToAsync() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

// ---- registers ------------------------------------------------------------------------------------------------------
// By all warps of a warpgroup: how many each thread has from here on. The kernel is bound to one block a multiprocessor, and the
// roles of its warpgroups are the two branches of one if.
template <int kRegisters>
__device__ inline void KeepRegisters() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
}
template <int kRegisters>
__device__ inline void TakeRegisters() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
}

// ---- products of a warpgroup ----------------------------------------------------------------------------------------
// A tile as an operand. Columns inside: 64 values of each row are the inner dimension, in steps of 16 that stand 32 bytes apart;
// groups of eight rows 1024 bytes apart.
__device__ inline uint64_t TileAlong(uint32_t address) {
  constexpr uint64_t kSwapped128 = uint64_t{1} << 62;
  constexpr uint64_t kEightRows = uint64_t{1024 >> 4} << 32;
  return kSwapped128 | kEightRows | uint64_t{1} << 16 | ((address & 0x3FFFF) >> 4);
}
// Rows inside: 16 rows are the inner dimension; columns 64 and on are in another tile, `next` bytes behind.
__device__ inline uint64_t TileDown(uint32_t address, uint32_t next) {
  constexpr uint64_t kSwapped128 = uint64_t{1} << 62;
  constexpr uint64_t kEightRows = uint64_t{1024 >> 4} << 32;
  return kSwapped128 | kEightRows | uint64_t{next >> 4} << 16 | ((address & 0x3FFFF) >> 4);
}
// What stands so many bytes behind it: shared memory ends before its 14 bits do, nothing is carried.
__device__ inline uint64_t Behind(uint64_t tile, int bytes) {
  return (tile & 0xFFFFFFFF00000000U) | (static_cast<uint32_t>(tile) + bytes / 16);
}

// Before the first product, and before one whose registers were written since.
__device__ inline void BeginProducts() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ inline void CommitProducts() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
// Until at most kPending of the groups that were committed are at work.
template <int kPending>
__device__ inline void WaitProducts() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}
// Keeps the compiler from moving what it knows of these registers over a product that is at work on them.
template <int kCount>
__device__ __forceinline__ void Hold(float (&c)[kCount][4]) {
#pragma unroll
  for (int j = 0; j < kCount; ++j) {
#pragma unroll
    for (int i = 0; i < 4; ++i) asm volatile("" : "+f"(c[j][i])::"memory");
  }
}
template <int kCount>
__device__ __forceinline__ void Hold(uint32_t (&a)[kCount][4]) {
#pragma unroll
  for (int j = 0; j < kCount; ++j) {
#pragma unroll
    for (int i = 0; i < 4; ++i) asm volatile("" : "+r"(a[j][i])::"memory");
  }
}

// c[64 x N] (+)= a[64 x 16] b[16 x N], bf16 in, f32 sums. Warp w of the group, lane 4 g + t: c[j] holds of row 16 w + g, then of row
// 16 w + g + 8, the columns 8 j + 2 t and the next. Both operands are TileAlong: a row of a's tile for each row of c, one of b's for
// each column.
__device__ __forceinline__ void ProductOf(float (&c)[8][4], uint64_t a, uint64_t b, bool add) {
  asm volatile(
      "{\n"
      ".reg .pred p;\n"
      "setp.ne.b32 p, %34, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, "
      "%18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
      "%32, %33, p, 1, 1, 0, 0;\n"
      "}\n"
      : PARLEY_SUMS_8(PARLEY_ADDED, c)
      : "l"(a), "l"(b), "r"(add ? 1 : 0));
}
__device__ __forceinline__ void ProductOf(float (&c)[16][4], uint64_t a, uint64_t b, bool add) {
  asm volatile(
      "{\n"
      ".reg .pred p;\n"
      "setp.ne.b32 p, %66, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, "
      "%18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, "
      "%34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, "
      "%50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
      "%64, %65, p, 1, 1, 0, 0;\n"
      "}\n"
      : PARLEY_SUMS_16(PARLEY_ADDED, c)
      : "l"(a), "l"(b), "r"(add ? 1 : 0));
}

// c += a b with a in registers, as in Mma of the warp's 16 rows, and b TileDown.
__device__ __forceinline__ void AddDown(float (&c)[8][4], const uint32_t (&a)[4], uint64_t b) {
  asm volatile(
      "{\n"
      ".reg .pred p;\n"
      "setp.eq.b32 p, 0, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, "
      "%18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
      "{%32, %33, %34, %35}, %36, p, 1, 1, 1;\n"
      "}\n"
      : PARLEY_SUMS_8(PARLEY_ADDED, c)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}
__device__ __forceinline__ void AddDown(float (&c)[16][4], const uint32_t (&a)[4], uint64_t b) {
  asm volatile(
      "{\n"
      ".reg .pred p;\n"
      "setp.eq.b32 p, 0, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, "
      "%18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, "
      "%34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, "
      "%50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
      "{%64, %65, %66, %67}, %68, p, 1, 1, 1;\n"
      "}\n"
      : PARLEY_SUMS_16(PARLEY_ADDED, c)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}

// Of the four words of four lanes: lane t gets word t of each.
__device__ inline uint4 Transposed(uint4 w) {
  const bool odd = threadIdx.x % 2 != 0;
  const bool high = threadIdx.x % 4 > 1;
  const uint32_t first = __shfl_xor_sync(~0U, odd ? w.x : w.y, 1);
  const uint32_t second = __shfl_xor_sync(~0U, odd ? w.z : w.w, 1);
  w = odd ? uint4{first, w.y, second, w.w} : uint4{w.x, first, w.z, second};
  const uint32_t third = __shfl_xor_sync(~0U, high ? w.x : w.z, 2);
  const uint32_t fourth = __shfl_xor_sync(~0U, high ? w.y : w.w, 2);
  return high ? uint4{third, fourth, w.z, w.w} : uint4{w.x, w.y, third, fourth};
}

}  // namespace parley::kernels::cuda

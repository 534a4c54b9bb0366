// Rotary positions and the append to the paged cache, apart or in one pass over q, k and v:
//   (a, b) -> (a cos - b sin, a sin + b cos), angle = position * theta^(-2 i / head_dim)
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/cuda/cache_inl.h"
#include "kernels/cuda/launch_inl.h"
#include "kernels/cuda/rope_inl.h"
#include "kernels/cuda/rows_inl.h"

namespace parley::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kHeadsABlock = 8;
constexpr int kManyRows = 128;  // enough blocks: a row's angles, in double, are made once
constexpr int kMostPairs = 128;

__global__ void __launch_bounds__(kThreads)
    RopeKernel(Rows x, RopeOptions rope, const int32_t* position) {
  __shared__ float2 turn[kMostPairs];
  LetNextStart();
  WaitForPrevious();
  const int row = static_cast<int>(blockIdx.x);
  Turn(rope, position[row], turn);
  __syncthreads();
  const int half = rope.head_dim / 2;
  const int first_head = static_cast<int>(blockIdx.y) * kHeadsABlock;
  const int heads = min(kHeadsABlock, x.cols / rope.head_dim - first_head);
  for (int at = static_cast<int>(threadIdx.x); at < heads * half; at += kThreads) {
    const int i = at % half;
    const int base = (first_head + at / half) * rope.head_dim;
    const int ca = base + (rope.half_split ? i : 2 * i);
    const int cb = base + (rope.half_split ? i + half : 2 * i + 1);
    const float a = Load(x, row, ca);
    const float b = Load(x, row, cb);
    Store(x, row, ca, a * turn[i].x - b * turn[i].y);
    Store(x, row, cb, a * turn[i].y + b * turn[i].x);
  }
}

__global__ void __launch_bounds__(kThreads)
    AppendKernel(Rows k, Rows v, Cache cache, Tables tables) {
  LetNextStart();
  WaitForPrevious();
  const int row = static_cast<int>(blockIdx.x);
  for (int c = static_cast<int>(threadIdx.x); c < k.cols; c += kThreads) {
    const int head = c / cache.head_dim;
    const int d = c % cache.head_dim;
    const int32_t position = tables.position[row];
    StoreCache(cache, SlotOffset(cache, tables, row, position, 0, head) + d, Load(k, row, c));
    StoreCache(cache, SlotOffset(cache, tables, row, position, 1, head) + d, Load(v, row, c));
  }
}

// Block (row, some heads of q, k or v). k goes to the cache only.
__global__ void __launch_bounds__(kThreads)
    RopeAppendKernel(Rows qkv, int32_t heads, int32_t heads_a_block, RopeOptions rope, Cache cache,
                     Tables tables) {
  __shared__ float2 turn[kMostPairs];
  LetNextStart();
  const int row = static_cast<int>(blockIdx.x);
  const int32_t position =
      tables.position[row];  // tables were there before the step's first kernel
  const int first_head = static_cast<int>(blockIdx.y) * heads_a_block;
  const int all = heads + 2 * cache.kv_heads;
  const int here = min(heads_a_block, all - first_head);
  Turn(rope, position, turn);
  __syncthreads();
  WaitForPrevious();
  const int half = rope.head_dim / 2;
  for (int at = static_cast<int>(threadIdx.x); at < here * half; at += kThreads) {
    const int head = first_head + at / half;
    const int i = at % half;
    const int ia = rope.half_split ? i : 2 * i;
    const int ib = rope.half_split ? i + half : 2 * i + 1;
    float a = Load(qkv, row, head * rope.head_dim + ia);
    float b = Load(qkv, row, head * rope.head_dim + ib);
    if (head < heads + cache.kv_heads) {
      const float turned = a * turn[i].x - b * turn[i].y;
      b = a * turn[i].y + b * turn[i].x;
      a = turned;
    }
    if (head < heads) {
      Store(qkv, row, head * rope.head_dim + ia, a);
      Store(qkv, row, head * rope.head_dim + ib, b);
    } else {
      const int part = head < heads + cache.kv_heads ? 0 : 1;
      const int kv_head = (head - heads) % cache.kv_heads;
      const int64_t slot = SlotOffset(cache, tables, row, position, part, kv_head);
      StoreCache(cache, slot + ia, a);
      StoreCache(cache, slot + ib, b);
    }
  }
}

bool Fits(const RopeOptions& rope, int32_t cols) {
  return rope.head_dim % 2 == 0 && rope.head_dim / 2 <= kMostPairs && rope.head_dim > 0 &&
         cols % rope.head_dim == 0;
}

dim3 Grid(int32_t rows, int32_t heads, int32_t heads_a_block) {
  return {static_cast<unsigned>(rows),
          static_cast<unsigned>((heads + heads_a_block - 1) / heads_a_block)};
}

}  // namespace

cudaError_t LaunchRope(const Rows& x, const RopeOptions& rope, const int32_t* position,
                       cudaStream_t stream) {
  if (x.rows < 1 || !Fits(rope, x.cols)) return cudaErrorInvalidValue;
  return LaunchDependent(RopeKernel, Grid(x.rows, x.cols / rope.head_dim, kHeadsABlock),
                         dim3(kThreads), 0, stream, x, rope, position);
}

cudaError_t LaunchAppend(const Rows& k, const Rows& v, const Cache& cache, const Tables& tables,
                         cudaStream_t stream) {
  if (k.rows < 1 || !SameShape(k, v) || k.cols != cache.kv_heads * cache.head_dim) {
    return cudaErrorInvalidValue;
  }
  return LaunchDependent(AppendKernel, dim3(static_cast<unsigned>(k.rows)), dim3(kThreads), 0,
                         stream, k, v, cache, tables);
}

cudaError_t LaunchRopeAppend(const Rows& qkv, int32_t heads, const RopeOptions& rope,
                             const Cache& cache, const Tables& tables, cudaStream_t stream) {
  const int32_t all = heads + 2 * cache.kv_heads;
  if (qkv.rows < 1 || !Fits(rope, qkv.cols) || rope.head_dim != cache.head_dim ||
      qkv.cols != all * rope.head_dim) {
    return cudaErrorInvalidValue;
  }
  const int32_t heads_a_block = qkv.rows < kManyRows ? kHeadsABlock : all;
  return LaunchDependent(RopeAppendKernel, Grid(qkv.rows, all, heads_a_block), dim3(kThreads), 0,
                         stream, qkv, heads, heads_a_block, rope, cache, tables);
}

}  // namespace parley::kernels::cuda

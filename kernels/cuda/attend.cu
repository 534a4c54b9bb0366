// Attention: which kernel takes which rows, and the plain one for shapes that nobody optimised (a warp a row and head,
// keys in turn; any head size up to 256, any type). The dense form runs on the same plain loop.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "kernels/cuda/attend_launch.h"
#include "kernels/cuda/cache_inl.h"
#include "kernels/cuda/launch_inl.h"
#include "kernels/cuda/rows_inl.h"

namespace parley::kernels::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kThreads = kWarps * kWarp;
constexpr int kEach = 8;  // dimensions a lane holds at most
constexpr int kMostDim = kEach * kWarp;

// out = sum_j softmax_j(q . k_j / sqrt(dim)) v_j, by one warp; key(j, d) and value(j, d) read one number.
template <class QueryAt, class KeyAt, class ValueAt, class Write>
__device__ void AttendOne(int32_t keys, int32_t dim, const QueryAt& query, const KeyAt& key,
                          const ValueAt& value, const Write& write) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const float scale = rsqrtf(static_cast<float>(dim));
  float q[kEach];
  float sum[kEach];
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    const int d = i * kWarp + lane;
    q[i] = d < dim ? query(d) * scale : 0.0F;
    sum[i] = 0.0F;
  }
  float most = -INFINITY;
  float weight = 0.0F;
  for (int32_t j = 0; j < keys; ++j) {
    float dot = 0.0F;
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      const int d = i * kWarp + lane;
      if (d < dim) dot += q[i] * key(j, d);
    }
    dot = WarpSum(dot);
    const float larger = fmaxf(most, dot);
    const float shrink = expf(most - larger);
    const float p = expf(dot - larger);
    most = larger;
    weight = weight * shrink + p;
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      const int d = i * kWarp + lane;
      if (d < dim) sum[i] = sum[i] * shrink + p * value(j, d);
    }
  }
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    const int d = i * kWarp + lane;
    if (d < dim) write(d, sum[i] / weight);
  }
}

__global__ void __launch_bounds__(kThreads)
    AttendPlainKernel(Rows q, Cache cache, Tables tables, int heads, Rows out) {
  LetNextStart();
  WaitForPrevious();
  const int64_t at = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
  if (at >= static_cast<int64_t>(q.rows) * heads) return;
  const auto row = static_cast<int32_t>(at / heads);
  const auto head = static_cast<int32_t>(at % heads);
  const int32_t kv_head = head / (heads / cache.kv_heads);
  const int32_t dim = cache.head_dim;
  AttendOne(
      tables.position[row] + 1, dim, [&](int d) { return Load(q, row, head * dim + d); },
      [&](int32_t j, int d) {
        return LoadCache(cache, SlotOffset(cache, tables, row, j, 0, kv_head) + d);
      },
      [&](int32_t j, int d) {
        return LoadCache(cache, SlotOffset(cache, tables, row, j, 1, kv_head) + d);
      },
      [&](int d, float v) { Store(out, row, head * dim + d, v); });
}

__global__ void __launch_bounds__(kThreads)
    AttendDenseKernel(Rows q, Rows k, Rows v, int32_t dim, bool causal, Rows out) {
  LetNextStart();
  WaitForPrevious();
  const int heads = q.cols / dim;
  const int64_t at = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
  if (at >= static_cast<int64_t>(q.rows) * heads) return;
  const auto row = static_cast<int32_t>(at / heads);
  const int32_t first = static_cast<int32_t>(at % heads) * dim;
  AttendOne(
      causal ? row + k.rows - q.rows + 1 : k.rows, dim,
      [&](int d) { return Load(q, row, first + d); },
      [&](int32_t j, int d) { return Load(k, j, first + d); },
      [&](int32_t j, int d) { return Load(v, j, first + d); },
      [&](int d, float x) { Store(out, row, first + d, x); });
}

unsigned BlocksFor(int32_t rows, int32_t heads) {
  return static_cast<unsigned>((static_cast<int64_t>(rows) * heads + kWarps - 1) / kWarps);
}

}  // namespace

bool AttendIsFast(const Cache& cache, int32_t group) {
  return cache.type == Type::kBf16 && (cache.head_dim == 128 || cache.head_dim == 64) && group <= 8;
}

cudaError_t LaunchAttend(const Rows& q, const Cache& cache, const Tables& tables, int32_t splits,
                         const Rows& out, const PartScratch& scratch, cudaStream_t stream) {
  if (!SameShape(q, out) || q.rows < 1 || cache.head_dim < 1 || cache.head_dim > kMostDim ||
      q.cols % (cache.head_dim * cache.kv_heads) != 0) {
    return cudaErrorInvalidValue;
  }
  const int32_t heads = q.cols / cache.head_dim;
  if (!AttendIsFast(cache, heads / cache.kv_heads) || !InEights(q) || !InEights(out)) {
    return LaunchDependent(AttendPlainKernel, dim3(BlocksFor(q.rows, heads)), dim3(kThreads), 0,
                           stream, q, cache, tables, heads, out);
  }
  if (tables.singles > 0) {
    const cudaError_t done = LaunchAttendDecode(q, cache, tables, splits, out, scratch, stream);
    if (done != cudaSuccess) return done;
  }
  return tables.tile_count > 0 ? LaunchAttendPrefill(q, cache, tables, out, stream) : cudaSuccess;
}

cudaError_t LaunchAttendDense(const Rows& q, const Rows& k, const Rows& v, int32_t head_dim,
                              bool causal, const Rows& out, cudaStream_t stream) {
  if (!SameShape(q, out) || !SameShape(k, v) || head_dim < 1 || head_dim > kMostDim ||
      q.cols % head_dim != 0 || q.cols != k.cols || q.rows < 1) {
    return cudaErrorInvalidValue;
  }
  return LaunchDependent(AttendDenseKernel, dim3(BlocksFor(q.rows, q.cols / head_dim)),
                         dim3(kThreads), 0, stream, q, k, v, head_dim, causal, out);
}

}  // namespace parley::kernels::cuda

// Attention of single rows over the paged cache: a block takes one row, one key head with its query heads, and a part of
// the row's pages; its warps take pages in turn, straight from memory into tensor-core operands (attend_inl.h). Parts are
// added in their order by whichever block comes last, so that a result does not depend on which that was.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/cuda/attend_inl.h"
#include "kernels/cuda/attend_launch.h"
#include "kernels/cuda/cache_inl.h"
#include "kernels/cuda/launch_inl.h"
#include "kernels/cuda/rows_inl.h"

namespace parley::kernels::cuda {
namespace {

constexpr int kWarps = 8;
constexpr int kThreads = kWarps * kWarp;
constexpr int kMostParts = 64;
constexpr int kGroup = 8;       // query heads a key head, at most
constexpr int kLeastPages = 8;  // of a part: fewer are not worth a block
// Pages a warp has on their way to L2: of all blocks that run together they must stay well below its 50 MB.
constexpr int kAhead = 3;

// In global memory they were written by other blocks: this block's L1 must not answer.
template <bool kGlobal>
__device__ inline float Read(const float* p) {
  if constexpr (kGlobal) return __ldcg(p);
  return *p;
}
// Merges `parts` results that stand `stride` floats apart, each [group][dim] sums, [group] most, [group] weights.
template <int kDim, bool kGlobal>
__device__ void Merge(const float* from, int parts, int64_t stride, int group, const Rows& out,
                      int row, int first_head, float* partial, float* scales) {
  // What each part's numbers are worth, once for all dimensions; the sum of the weights behind them.
  for (int head = static_cast<int>(threadIdx.x); head < group; head += kThreads) {
    float most = -INFINITY;
    for (int p = 0; p < parts; ++p) {
      most = fmaxf(most, Read<kGlobal>(from + p * stride + group * kDim + head));
    }
    const float base = most == -INFINITY ? 0.0F : most;
    float weight = 0.0F;
    for (int p = 0; p < parts; ++p) {
      const float* part = from + p * stride;
      const float scale = exp2f(Read<kGlobal>(part + group * kDim + head) - base);
      scales[p * kGroup + head] = scale;
      weight += scale * Read<kGlobal>(part + group * (kDim + 1) + head);
    }
    scales[kMostParts * kGroup + head] = weight;
    if (partial != nullptr) {
      partial[group * kDim + head] = most;
      partial[group * (kDim + 1) + head] = weight;
    }
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < group * kDim; i += kThreads) {
    const int head = i / kDim;
    float sum = 0.0F;
#pragma unroll 4
    for (int p = 0; p < parts; ++p) {
      sum += scales[p * kGroup + head] * Read<kGlobal>(from + p * stride + i);
    }
    if (partial == nullptr) {
      Store(out, row, first_head * kDim + i, sum / scales[kMostParts * kGroup + head]);
    } else {
      partial[i] = sum;
    }
  }
}

template <int kDim>
__global__ void __launch_bounds__(kThreads)
    AttendDecodeKernel(Rows q, Cache cache, Tables tables, int group, Rows out, float* partial,
                       int32_t* counters) {
  constexpr int kResult = kGroup * (kDim + 2);
  __shared__ float room[kWarps * kResult];
  __shared__ float scales[(kMostParts + 1) * kGroup];
  __shared__ bool last;
  LetNextStart();
  const int split = static_cast<int>(blockIdx.x);
  const int kv_head = static_cast<int>(blockIdx.y);
  const int row = tables.single[blockIdx.z];
  const int position = tables.position[row];
  const int32_t* table =
      tables.page_table + static_cast<int64_t>(tables.row_seq[row]) * tables.max_pages;
  const int pages = position / kPage + 1;
  const int each =
      max(kLeastPages, (pages + static_cast<int>(gridDim.x) - 1) / static_cast<int>(gridDim.x));
  const int parts = (pages + each - 1) / each;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int g = lane / 4;
  const int t = lane % 4;
  const int end = min(pages, (split + 1) * each);
  const auto* memory = static_cast<const __nv_bfloat16*>(cache.memory);
  const auto ask = [&](int p) {
    if (lane < 2 && p < end) {
      PrefetchL2(memory + PageOffset(cache, table[p], lane, kv_head), kPage * kDim * 2);
    }
  };
  if (split < parts) {  // this step writes into the last page only
#pragma unroll
    for (int i = 0; i < kAhead; ++i) ask(split * each + warp + i * kWarps);
  }
  WaitForPrevious();
  if (split >= parts) return;

  QueryRows<kDim> query;
  const auto* q_row = static_cast<const __nv_bfloat16*>(q.data) + row * q.stride +
                      static_cast<int64_t>(kv_head * group + (g < group ? g : 0)) * kDim;
#pragma unroll
  for (int j = 0; j < kDim / 32; ++j) {
    query.low[j] = *reinterpret_cast<const uint4*>(q_row + 32 * j + 8 * t);
  }
  Running<kDim> run;
  run.Clear();
  const float scale = kLog2E * rsqrtf(static_cast<float>(kDim));
  for (int p = split * each + warp; p < end; p += kWarps) {
    ask(p + kAhead * kWarps);
    const __nv_bfloat16* k_page = memory + PageOffset(cache, table[p], 0, kv_head);
    const __nv_bfloat16* v_page = memory + PageOffset(cache, table[p], 1, kv_head);
    Keys16<kDim> keys;
    Values16<kDim> values;
#pragma unroll
    for (int tile = 0; tile < 2; ++tile) {
#pragma unroll
      for (int j = 0; j < kDim / 32; ++j) {
        keys.piece[tile][j] =
            __ldcg(reinterpret_cast<const uint4*>(k_page + (8 * tile + g) * kDim + 32 * j + 8 * t));
      }
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int key = 2 * t + (i & 1) + 8 * (i / 2);
#pragma unroll
      for (int h = 0; h < kDim / 64; ++h) {
        uint4 v = __ldcg(reinterpret_cast<const uint4*>(v_page + key * kDim + 64 * h + 8 * g));
        // Slots behind the last position may hold anything, NaN too: 0 * NaN is not 0.
        if (p * kPage + key > position) v = {0, 0, 0, 0};
        values.row[i][h] = v;
      }
    }
    float scores[2][4];
    Scores<kDim, false>(query, keys, scores);
#pragma unroll
    for (int tile = 0; tile < 2; ++tile) {
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const int at = p * kPage + 8 * tile + 2 * t + i;
        scores[tile][i] = at <= position ? scores[tile][i] * scale : -INFINITY;
      }
    }
    Take<kDim, false>(scores, values, run);
  }

  // The warps' results side by side, then one result.
  run.weight[0] += __shfl_xor_sync(~0U, run.weight[0], 1);
  run.weight[0] += __shfl_xor_sync(~0U, run.weight[0], 2);
  const int64_t result = static_cast<int64_t>(group) * (kDim + 2);
  float* mine = room + warp * result;
  if (g < group) {
#pragma unroll
    for (int h = 0; h < kDim / 64; ++h) {
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        mine[g * kDim + 64 * h + 16 * t + j] = run.out[h][j][0];
        mine[g * kDim + 64 * h + 16 * t + 8 + j] = run.out[h][j][1];
      }
    }
    if (t == 0) {
      mine[group * kDim + g] = run.most[0];
      mine[group * (kDim + 1) + g] = run.weight[0];
    }
  }
  __syncthreads();
  const int first_head = kv_head * group;
  const int pair = static_cast<int>(blockIdx.z) * cache.kv_heads + kv_head;
  float* place = partial + static_cast<int64_t>(pair) * gridDim.x * result;
  Merge<kDim, false>(room, kWarps, result, group, out, row, first_head,
                     parts == 1 ? nullptr : place + split * result, scales);
  if (parts == 1) return;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) last = atomicAdd(&counters[pair], 1) == parts - 1;
  __syncthreads();
  if (!last) return;
  __threadfence();
  Merge<kDim, true>(place, parts, result, group, out, row, first_head, nullptr, scales);
  if (threadIdx.x == 0) counters[pair] = 0;
}

}  // namespace

cudaError_t LaunchAttendDecode(const Rows& q, const Cache& cache, const Tables& tables,
                               int32_t splits, const Rows& out, const AttendScratch& scratch,
                               cudaStream_t stream) {
  const int32_t group = q.cols / cache.head_dim / cache.kv_heads;
  const dim3 grid(static_cast<unsigned>(splits), static_cast<unsigned>(cache.kv_heads),
                  static_cast<unsigned>(tables.singles));
  const size_t floats = static_cast<size_t>(tables.singles) * static_cast<size_t>(cache.kv_heads) *
                        static_cast<size_t>(splits) *
                        static_cast<size_t>(group * (cache.head_dim + 2));
  if (group > kGroup || splits < 1 || splits > kMostParts ||
      (splits > 1 && (floats > scratch.partial_floats ||
                      tables.singles * cache.kv_heads > scratch.counter_count))) {
    return cudaErrorInvalidValue;
  }
  const auto kernel = cache.head_dim == 128 ? AttendDecodeKernel<128> : AttendDecodeKernel<64>;
  return LaunchDependent(kernel, grid, dim3(kThreads), 0, stream, q, cache, tables, group, out,
                         scratch.partial, scratch.counters);
}

}  // namespace parley::kernels::cuda

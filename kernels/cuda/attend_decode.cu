// Attention of single rows over the paged cache: a block takes one row, one key head with its query heads, and a part of
// the row's pages; its warps take pages in turn, by asynchronous copies (attend_inl.h). The blocks of a row and head are a cluster
// and add their parts up in each other's shared memory; where they are too many for that, the parts go through memory, and
// whichever block comes last adds them up. The order of parts is the same either way.
//
// Where every row has a sequence of its own the kernel also turns q and k and appends k and v: all keys but the newest are then on
// their way before the product in front has ended.
// SPDX-License-Identifier: Apache-2.0
#include <cooperative_groups.h>

#include <algorithm>

#include "kernels/cuda/attend_inl.h"
#include "kernels/cuda/attend_launch.h"
#include "kernels/cuda/attend_merge_inl.h"
#include "kernels/cuda/attend_pages_inl.h"
#include "kernels/cuda/cache_inl.h"
#include "kernels/cuda/launch_inl.h"
#include "kernels/cuda/rows_inl.h"

namespace parley::kernels::cuda {
namespace {

constexpr int kWarps = 4;  // of a block: two blocks share a multiprocessor
constexpr int kThreads = kWarps * kWarp;
constexpr int kLeastPages = 8;  // of a part: fewer are not worth a block
constexpr int kStages = 3;      // pages a warp holds: one is read, the others are on their way
constexpr int kMostCluster = 8;

template <int kDim>
inline constexpr size_t kShared = size_t{kWarps} * kStages* kPageBytes<kDim>;

struct DecodeArgs {
  Rows q;  // kTurns: behind its heads stand those of k and v
  Cache cache;
  Tables tables;
  RopeOptions rope;
  int group;
  bool clustered;
  Rows out;
  float* partial;
  int32_t* counters;
};

template <int kDim, bool kTurns>
__global__ void __launch_bounds__(kThreads, 2)
    AttendDecodeKernel(const __grid_constant__ DecodeArgs a) {
  extern __shared__ __align__(128) uint8_t shared[];
  __shared__ float scales[kMergeRoom];
  __shared__ float2 turn[kTurns ? kDim / 2 : 1];
  __shared__ bool last;
  LetNextStart();
  const Cache& cache = a.cache;
  const int group = a.group;
  const int splits = static_cast<int>(gridDim.x);
  const int split = static_cast<int>(blockIdx.x);
  const int kv_head = static_cast<int>(blockIdx.y);
  const int row = a.tables.single[blockIdx.z];
  const int position = a.tables.position[row];
  const int32_t* table =
      a.tables.page_table + static_cast<int64_t>(a.tables.row_seq[row]) * a.tables.max_pages;
  const int pages = position / kPage + 1;
  const int each = max(kLeastPages, (pages + splits - 1) / splits);
  const int parts = (pages + each - 1) / each;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int g = lane / 4;
  const int t = lane % 4;
  const int begin = split * each + warp;
  const int end = split < parts ? min(pages, (split + 1) * each) : 0;
  auto* memory = static_cast<__nv_bfloat16*>(cache.memory);
  uint8_t* const ring = shared + warp * kStages * kPageBytes<kDim>;
  constexpr int kPieces = kDim / 8;             // of a key
  constexpr int kKeysAtOnce = kWarp / kPieces;  // that a warp copies, whole, as memory likes it
  const int my_piece = lane % kPieces;
  const auto copy = [&](int p, int32_t page, int slot) {
    const uint32_t to = SharedAddress(ring) + static_cast<uint32_t>(slot * kPageBytes<kDim>);
    const __nv_bfloat16* k_page = memory + PageOffset(cache, page, 0, kv_head) + my_piece * 8;
    const __nv_bfloat16* v_page = memory + PageOffset(cache, page, 1, kv_head) + my_piece * 8;
#pragma unroll
    for (int i = 0; i < kPage / kKeysAtOnce; ++i) {
      const int key = i * kKeysAtOnce + lane / kPieces;
      const int at = p * kPage + key;
      if (kTurns && at == position) continue;  // it comes from the product
      CopyAsync16(to + static_cast<uint32_t>(KeyPlace<kDim>(key, my_piece)), k_page + key * kDim,
                  true);
      // Slots behind the last position may hold anything, NaN too: 0 * NaN is not 0.
      CopyAsync16(to + static_cast<uint32_t>(ValuePlace<kDim>(key, my_piece)), v_page + key * kDim,
                  at <= position);
    }
  };
  // The step before this kernel writes into the last page only: all others can be on their way before it is told. Where this
  // kernel writes itself, that one as well.
#pragma unroll
  for (int slot = 0; slot < kStages - 1; ++slot) {
    const int p = begin + slot * kWarps;
    if (p < end && (kTurns || p < pages - 1)) copy(p, table[p], slot);
    if constexpr (kTurns) CommitCopies();
  }
  if constexpr (kTurns) {
    Turn(a.rope, position, turn);
    __syncthreads();
  }
  WaitForPrevious();
  if (!a.clustered && split >= parts) return;
  if constexpr (!kTurns) {
#pragma unroll
    for (int slot = 0; slot < kStages - 1; ++slot) {
      const int p = begin + slot * kWarps;
      if (p < end && p == pages - 1) copy(p, table[p], slot);
      CommitCopies();
    }
  }
  // A page's number is asked for one page ahead of its copy.
  const auto page_at = [&](int p) { return p < end ? table[p] : 0; };
  int32_t next_page = page_at(begin + (kStages - 1) * kWarps);

  QueryRows<kDim> query;
  const auto* heads = static_cast<const __nv_bfloat16*>(a.q.data) + row * a.q.stride;
  const auto* q_row = heads + static_cast<int64_t>(kv_head * group + (g < group ? g : 0)) * kDim;
#pragma unroll
  for (int j = 0; j < kDim / 32; ++j) {
    query.low[j] = *reinterpret_cast<const uint4*>(q_row + 32 * j + 8 * t);
  }
  [[maybe_unused]] Fresh<kDim> fresh;
  if constexpr (kTurns) {
    if (begin < end && end == pages && (pages - 1 - begin) % kWarps == 0) {
      const auto* key = heads + static_cast<int64_t>(cache.kv_heads * group + kv_head) * kDim;
      fresh.Load(key, key + static_cast<int64_t>(cache.kv_heads) * kDim, lane, turn);
      const int32_t page = table[pages - 1];
      const int64_t at = position % kPage * kDim;
      fresh.Append(memory + PageOffset(cache, page, 0, kv_head) + at,
                   memory + PageOffset(cache, page, 1, kv_head) + at, lane);
    }
#pragma unroll
    for (int j = 0; j < kDim / 64; ++j) {
      TurnHalves(query.low[j], query.low[j + kDim / 64], turn + 32 * j + 8 * t);
    }
  }
  Running<kDim> run;
  run.Clear();
  const float scale = kLog2E * rsqrtf(static_cast<float>(kDim));
  int slot = 0;
  for (int p = begin; p < end; p += kWarps) {
    // Without turns the first groups hold all that was asked for before the wait, and the last page may be in any: all must be there.
    if (!kTurns && p == begin) {
      WaitCopies<0>();
    } else {
      WaitCopies<kStages - 2>();
    }
    __syncwarp();  // the others' copies too, and they have read what is overwritten
    const int next = p + (kStages - 1) * kWarps;
    if (next < end) copy(next, next_page, slot == 0 ? kStages - 1 : slot - 1);
    next_page = page_at(next + kWarps);
    CommitCopies();
    uint8_t* page = ring + slot * kPageBytes<kDim>;
    if constexpr (kTurns) {
      if (p == pages - 1) {
        fresh.Place(page, position % kPage, lane);
        __syncwarp();
      }
    }
    const uint8_t* here = page + lane * 16;
    slot = slot + 1 == kStages ? 0 : slot + 1;
    Keys16<kDim> keys;
#pragma unroll
    for (int tile = 0; tile < 2; ++tile) {
#pragma unroll
      for (int j = 0; j < kDim / 32; ++j) {
        keys.piece[tile][j] =
            *reinterpret_cast<const uint4*>(here + (tile * (kDim / 32) + j) * kPiece);
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
    Values16<kDim> values;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
#pragma unroll
      for (int h = 0; h < kDim / 64; ++h) {
        values.row[i][h] = *reinterpret_cast<const uint4*>(here + kPageBytes<kDim> / 2 +
                                                           (i * (kDim / 64) + h) * kPiece);
      }
    }
    Take<kDim, false>(scores, values, run);
  }

  // The warps' results side by side, each where its ring was, then one result.
  WaitCopies<0>();
  __syncwarp();
  run.weight[0] += __shfl_xor_sync(~0U, run.weight[0], 1);
  run.weight[0] += __shfl_xor_sync(~0U, run.weight[0], 2);
  constexpr int kRoom = kStages * kPageBytes<kDim> / 4;  // floats of a warp
  constexpr int kPartAt = kRoom / 2;                     // behind the first warp's
  static_assert(kMostGroup * (kDim + 2) <= kRoom / 2);
  auto* room = reinterpret_cast<float*>(shared);
  float* mine = room + warp * kRoom;
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
  const auto of_warp = [&](int p, int i) { return room[p * kRoom + i]; };
  const auto write = [&](int i, float v) { Store(a.out, row, kv_head * group * kDim + i, v); };
  if (a.clustered) {
    const auto cluster = cooperative_groups::this_cluster();
    float* part = room + kPartAt;
    Merge<kDim, kWarps>(of_warp, kWarps, group, part, scales, 0, 1, write);
    cluster.sync();
    const auto of_block = [&](int p, int i) { return cluster.map_shared_rank(part, p)[i]; };
    Merge<kDim, kWarps>(of_block, splits, group, nullptr, scales, split, splits, write);
    cluster.sync();  // nobody leaves while its part is read
    return;
  }
  const int result = PartFloats(group, kDim);
  const int pair = static_cast<int>(blockIdx.z) * cache.kv_heads + kv_head;
  float* place = a.partial + static_cast<int64_t>(pair) * splits * result;
  Merge<kDim, kWarps>(of_warp, kWarps, group, parts == 1 ? nullptr : place + split * result, scales,
                      0, 1, write);
  if (parts == 1) return;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) last = atomicAdd(&a.counters[pair], 1) == parts - 1;
  __syncthreads();
  if (!last) return;
  __threadfence();
  // They were written by other blocks: this block's L1 must not answer.
  const auto of_other = [&](int p, int i) { return __ldcg(place + p * result + i); };
  Merge<kDim, kWarps>(of_other, parts, group, nullptr, scales, 0, 1, write);
  if (threadIdx.x == 0) a.counters[pair] = 0;
}

template <int kDim, bool kTurns>
cudaError_t Launch(DecodeArgs a, int32_t splits, cudaStream_t stream) {
  const auto kernel = AttendDecodeKernel<kDim, kTurns>;
  const cudaError_t raised = cudaFuncSetAttribute(
      kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(kShared<kDim>));
  if (raised != cudaSuccess) return raised;
  a.clustered = splits > 1 && splits <= kMostCluster;
  const dim3 grid(static_cast<unsigned>(splits), static_cast<unsigned>(a.cache.kv_heads),
                  static_cast<unsigned>(a.tables.singles));
  return LaunchDependentClusters(kernel, grid, dim3(kThreads), kShared<kDim>, stream,
                                 a.clustered ? static_cast<unsigned>(splits) : 1, a);
}

cudaError_t LaunchRows(const DecodeArgs& a, bool turns, int32_t splits, const PartScratch& scratch,
                       cudaStream_t stream) {
  const size_t floats = static_cast<size_t>(a.tables.singles) *
                        static_cast<size_t>(a.cache.kv_heads) * static_cast<size_t>(splits) *
                        static_cast<size_t>(PartFloats(a.group, a.cache.head_dim));
  if (a.group > kMostGroup || splits < 1 || splits > kMostParts ||
      (splits > kMostCluster && (floats > scratch.partial_floats ||
                                 a.tables.singles * a.cache.kv_heads > scratch.counter_count))) {
    return cudaErrorInvalidValue;
  }
  if (a.cache.head_dim == 128) {
    return turns ? Launch<128, true>(a, splits, stream) : Launch<128, false>(a, splits, stream);
  }
  return turns ? Launch<64, true>(a, splits, stream) : Launch<64, false>(a, splits, stream);
}

}  // namespace

cudaError_t LaunchAttendDecode(const Rows& q, const Cache& cache, const Tables& tables,
                               int32_t splits, const Rows& out, const PartScratch& scratch,
                               cudaStream_t stream) {
  const DecodeArgs a{.q = q,
                     .cache = cache,
                     .tables = tables,
                     .group = q.cols / cache.head_dim / cache.kv_heads,
                     .out = out,
                     .partial = scratch.partial,
                     .counters = scratch.counters};
  return LaunchRows(a, false, splits, scratch, stream);
}

bool RopeAttendCan(const Rows& qkv, const RopeOptions& rope, const Cache& cache, const Rows& out) {
  const int32_t heads = qkv.cols / cache.head_dim - 2 * cache.kv_heads;
  return AttendIsFast(cache, heads / cache.kv_heads) && rope.half_split &&
         rope.head_dim == cache.head_dim && heads % cache.kv_heads == 0 &&
         out.cols == heads * cache.head_dim && qkv.type == Type::kBf16 && qkv.stride % 8 == 0 &&
         reinterpret_cast<uintptr_t>(qkv.data) % 16 == 0;
}

cudaError_t LaunchRopeAttend(const Rows& qkv, const RopeOptions& rope, const Cache& cache,
                             const Tables& tables, int32_t splits, const Rows& out,
                             const PartScratch& scratch, cudaStream_t stream) {
  if (!RopeAttendCan(qkv, rope, cache, out) || tables.singles != qkv.rows || out.rows != qkv.rows) {
    return cudaErrorInvalidValue;
  }
  const DecodeArgs a{.q = qkv,
                     .cache = cache,
                     .tables = tables,
                     .rope = rope,
                     .group = out.cols / cache.head_dim / cache.kv_heads,
                     .out = out,
                     .partial = scratch.partial,
                     .counters = scratch.counters};
  return LaunchRows(a, true, splits, scratch, stream);
}

}  // namespace parley::kernels::cuda

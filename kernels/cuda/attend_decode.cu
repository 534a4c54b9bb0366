// Attention of single rows over the paged cache: a block takes one row, one key head with its query heads, and a part of
// the row's pages; its warps take pages in turn, by asynchronous copies (attend_inl.h). Parts are
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

// Warps of a block: four, so that two blocks share a multiprocessor, or eight where there are no more blocks than multiprocessors.
constexpr int kFewWarps = 4;
constexpr int kManyWarps = 8;
constexpr int kMultiprocessors = 132;  // of an H100 or H200
constexpr int kMostParts = 64;
constexpr int kGroup = 8;       // query heads a key head, at most
constexpr int kLeastPages = 8;  // of a part: fewer are not worth a block
constexpr int kStages = 3;      // pages a warp holds: one is read, the others are on their way

// In global memory they were written by other blocks: this block's L1 must not answer.
template <bool kGlobal>
__device__ inline float Read(const float* p) {
  if constexpr (kGlobal) return __ldcg(p);
  return *p;
}
// Merges `parts` results that stand `stride` floats apart, each [group][dim] sums, [group] most, [group] weights.
template <int kDim, int kWarps, bool kGlobal>
__device__ void Merge(const float* from, int parts, int64_t stride, int group, const Rows& out,
                      int row, int first_head, float* partial, float* scales) {
  // What each part's numbers are worth, once for all dimensions; the sum of the weights behind them. A warp takes a head.
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int head = static_cast<int>(threadIdx.x) / kWarp; head < group; head += kWarps) {
    float most[kMostParts / kWarp];
    float weight[kMostParts / kWarp];
    float largest = -INFINITY;
#pragma unroll
    for (int i = 0; i < kMostParts / kWarp; ++i) {
      const int p = lane + i * kWarp;
      const float* part = from + p * stride + group * kDim + head;
      most[i] = p < parts ? Read<kGlobal>(part) : -INFINITY;
      weight[i] = p < parts ? Read<kGlobal>(part + group) : 0.0F;
      largest = fmaxf(largest, most[i]);
    }
    largest = WarpMax(largest);
    const float base = largest == -INFINITY ? 0.0F : largest;
    float sum = 0.0F;
#pragma unroll
    for (int i = 0; i < kMostParts / kWarp; ++i) {
      const int p = lane + i * kWarp;
      const float scale = exp2f(most[i] - base);
      if (p < parts) scales[p * kGroup + head] = scale;
      sum += scale * weight[i];
    }
    sum = WarpSum(sum);
    if (lane == 0) {
      scales[kMostParts * kGroup + head] = sum;
      if (partial != nullptr) {
        partial[group * kDim + head] = largest;
        partial[group * (kDim + 1) + head] = sum;
      }
    }
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < group * kDim; i += kWarps * kWarp) {
    const int head = i / kDim;
    float sum = 0.0F;
#pragma unroll 8
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
inline constexpr int kPageBytes = 2 * kPage* kDim * 2;  // of one head: keys, then values
template <int kDim, int kWarps>
inline constexpr size_t kShared = size_t{kWarps} * kStages* kPageBytes<kDim>;

template <int kDim, int kWarps>
__global__ void __launch_bounds__(kWarps* kWarp, kManyWarps / kWarps)
    AttendDecodeKernel(Rows q, Cache cache, Tables tables, int group, Rows out, float* partial,
                       int32_t* counters) {
  extern __shared__ __align__(128) uint8_t shared[];
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
  const int begin = split * each + warp;
  const int end = split < parts ? min(pages, (split + 1) * each) : 0;
  const auto* memory = static_cast<const __nv_bfloat16*>(cache.memory);
  uint8_t* const warp_ring = shared + warp * kStages * kPageBytes<kDim>;
  uint8_t* const ring = warp_ring + lane * 16;
  constexpr int kPiece = kWarp * 16;
  constexpr int kPieces = kDim / 8;             // of a key
  constexpr int kKeysAtOnce = kWarp / kPieces;  // that a warp copies
  // A warp's lanes copy keys whole, as memory likes it, each piece to the place of the lane that multiplies it: key 8 tile + g to
  // lane 4 g + t, piece 4 j + t; value 2 t (and the next, and those behind 8) to the same, piece 8 h + g.
  const int my_piece = lane % kPieces;
  const auto copy = [&](int p, int32_t page, int slot) {
    const uint32_t to = SharedAddress(warp_ring) + static_cast<uint32_t>(slot * kPageBytes<kDim>);
    const __nv_bfloat16* k_page = memory + PageOffset(cache, page, 0, kv_head) + my_piece * 8;
    const __nv_bfloat16* v_page = memory + PageOffset(cache, page, 1, kv_head) + my_piece * 8;
#pragma unroll
    for (int i = 0; i < kPage / kKeysAtOnce; ++i) {
      const int key = i * kKeysAtOnce + lane / kPieces;
      const int k_place =
          (key / 8 * (kDim / 32) + my_piece / 4) * kPiece + (4 * (key % 8) + my_piece % 4) * 16;
      CopyAsync16(to + static_cast<uint32_t>(k_place), k_page + key * kDim, true);
      const int v_place = ((key % 2 + key / 8 * 2) * (kDim / 64) + my_piece / 8) * kPiece +
                          (4 * (my_piece % 8) + key % 8 / 2) * 16;
      // Slots behind the last position may hold anything, NaN too: 0 * NaN is not 0.
      CopyAsync16(to + static_cast<uint32_t>(kPageBytes<kDim> / 2 + v_place), v_page + key * kDim,
                  p * kPage + key <= position);
    }
  };
  // This step writes into the last page only: all others can be on their way before it is told.
#pragma unroll
  for (int slot = 0; slot < kStages - 1; ++slot) {
    const int p = begin + slot * kWarps;
    if (p < end && p < pages - 1) copy(p, table[p], slot);
  }
  WaitForPrevious();
  if (split >= parts) return;
#pragma unroll
  for (int slot = 0; slot < kStages - 1; ++slot) {
    const int p = begin + slot * kWarps;
    if (p < end && p == pages - 1) copy(p, table[p], slot);
    CommitCopies();
  }
  // A page's number is asked for one page ahead of its copy.
  const auto page_at = [&](int p) { return p < end ? table[p] : 0; };
  int32_t next_page = page_at(begin + (kStages - 1) * kWarps);

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
  int slot = 0;
  for (int p = begin; p < end; p += kWarps) {
    // The first groups hold all that was asked for before the wait, the last page's may come in any: all must be there.
    if (p == begin) {
      WaitCopies<0>();
    } else {
      WaitCopies<kStages - 2>();
    }
    __syncwarp();  // the others' copies too, and they have read what is overwritten
    const int next = p + (kStages - 1) * kWarps;
    if (next < end) copy(next, next_page, slot == 0 ? kStages - 1 : slot - 1);
    next_page = page_at(next + kWarps);
    CommitCopies();
    const uint8_t* here = ring + slot * kPageBytes<kDim>;
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
  const int64_t result = static_cast<int64_t>(group) * (kDim + 2);
  constexpr int kRoom = kStages * kPageBytes<kDim> / 4;  // floats of a warp
  static_assert(kGroup * (kDim + 2) <= kRoom);
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
  const int first_head = kv_head * group;
  const int pair = static_cast<int>(blockIdx.z) * cache.kv_heads + kv_head;
  float* place = partial + static_cast<int64_t>(pair) * gridDim.x * result;
  Merge<kDim, kWarps, false>(room, kWarps, kRoom, group, out, row, first_head,
                             parts == 1 ? nullptr : place + split * result, scales);
  if (parts == 1) return;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) last = atomicAdd(&counters[pair], 1) == parts - 1;
  __syncthreads();
  if (!last) return;
  __threadfence();
  Merge<kDim, kWarps, true>(place, parts, result, group, out, row, first_head, nullptr, scales);
  if (threadIdx.x == 0) counters[pair] = 0;
}

struct Launch {
  dim3 grid;
  const Rows& q;
  const Cache& cache;
  const Tables& tables;
  int32_t group;
  const Rows& out;
  const AttendScratch& scratch;
  cudaStream_t stream;

  template <int kDim, int kWarps>
  cudaError_t Run() const {
    const auto kernel = AttendDecodeKernel<kDim, kWarps>;
    const cudaError_t raised =
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(kShared<kDim, kWarps>));
    if (raised != cudaSuccess) return raised;
    return LaunchDependent(kernel, grid, dim3(kWarps * kWarp), kShared<kDim, kWarps>, stream, q,
                           cache, tables, group, out, scratch.partial, scratch.counters);
  }
};

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
  const Launch launch{grid, q, cache, tables, group, out, scratch, stream};
  const bool few =
      static_cast<int64_t>(splits) * cache.kv_heads * tables.singles > kMultiprocessors;
  if (cache.head_dim == 128) {
    return few ? launch.Run<128, kFewWarps>() : launch.Run<128, kManyWarps>();
  }
  return few ? launch.Run<64, kFewWarps>() : launch.Run<64, kManyWarps>();
}

}  // namespace parley::kernels::cuda

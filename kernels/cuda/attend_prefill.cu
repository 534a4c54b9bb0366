// Attention of several rows of one sequence over the paged cache. A block takes a tile of tokens with all query heads of
// one key head: 8 warps of 16 (token, head) pairs each, which share every page. Pages arrive in shared memory in stages of
// four by asynchronous copies, two stages in turn; the 16-byte pieces of a key or value are swapped about so that the
// reads of attend_inl.h meet no bank twice.
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
constexpr int kPairs = kWarps * 16;  // (token, query head)
constexpr int kStagePages = 4;
constexpr int kStages = 2;

template <int kDim>
__global__ void __launch_bounds__(kThreads)
    AttendPrefillKernel(Rows q, Cache cache, Tables tables, int group, Rows out) {
  constexpr int kPieces = kDim / 8;             // of a slot
  constexpr int kPartBytes = kPage * kDim * 2;  // K or V of a page
  constexpr int kStageBytes = kStagePages * 2 * kPartBytes;
  extern __shared__ __align__(128) uint8_t shared[];
  LetNextStart();
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int g = lane / 4;
  const int t = lane % 4;
  // Later tiles see more keys: they start first.
  const int4 tile = tables.tiles[gridDim.x - 1 - blockIdx.x];
  const int kv_head = static_cast<int>(blockIdx.y);
  const int first_position = tables.position[tile.x];
  const int last_position = first_position + tile.y - 1;
  const int pages = last_position / kPage + 1;
  const int32_t* table = tables.page_table + static_cast<int64_t>(tile.z) * tables.max_pages;
  const auto* memory = static_cast<const __nv_bfloat16*>(cache.memory);
  const uint32_t base = SharedAddress(shared);
  WaitForPrevious();

  const auto copy_stage = [&](int stage) {
    const uint32_t to = base + static_cast<uint32_t>(stage % kStages * kStageBytes);
    for (int i = static_cast<int>(threadIdx.x); i < kStagePages * 2 * kPage * kPieces;
         i += kThreads) {
      const int piece = i % kPieces;
      const int slot = i / kPieces % kPage;
      const int part = i / (kPieces * kPage) % 2;
      const int page = i / (kPieces * kPage * 2);
      const int p = stage * kStagePages + page;
      // Slots behind the last position may hold anything: zeros instead.
      const bool inside = p < pages && p * kPage + slot <= last_position;
      const __nv_bfloat16* from = memory +
                                  PageOffset(cache, table[p < pages ? p : 0], part, kv_head) +
                                  slot * kDim + piece * 8;
      CopyAsync16(to + static_cast<uint32_t>((page * 2 + part) * kPartBytes +
                                             (slot * kPieces + Swapped(slot, piece)) * 16),
                  from, inside);
    }
    CommitCopies();
  };
  const int stages = (pages + kStagePages - 1) / kStagePages;
  copy_stage(0);

  // Pairs 16 warp + g and + 8: the token decides what may be seen.
  QueryRows<kDim> query;
  int row[2];
  int sees[2];
  int head[2];
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const int pair = warp * 16 + g + 8 * r;
    const int token = pair / group;
    const bool there = token < tile.y && pair < kPairs / group * group;
    row[r] = there ? tile.x + token : -1;
    sees[r] = there ? first_position + token : -1;
    head[r] = kv_head * group + pair % group;
    const auto* from = static_cast<const __nv_bfloat16*>(q.data) +
                       (there ? row[r] : tile.x) * q.stride + static_cast<int64_t>(head[r]) * kDim;
#pragma unroll
    for (int j = 0; j < kDim / 32; ++j) {
      (r == 0 ? query.low : query.high)[j] = *reinterpret_cast<const uint4*>(from + 32 * j + 8 * t);
    }
  }
  // The first and the last position that any pair of this warp sees: no mask before, nothing after.
  const int warp_first = first_position + warp * 16 / group;
  const int warp_last = min(last_position, first_position + (warp * 16 + 15) / group);
  const bool idle = warp * 16 / group >= tile.y;

  Running<kDim> run;
  run.Clear();
  const float scale = kLog2E * rsqrtf(static_cast<float>(kDim));
  for (int stage = 0; stage < stages; ++stage) {
    if (stage + 1 < stages) {
      copy_stage(stage + 1);
      WaitCopies<1>();
    } else {
      WaitCopies<0>();
    }
    __syncthreads();
    const uint8_t* here = shared + stage % kStages * kStageBytes;
    for (int page = 0; page < kStagePages && !idle; ++page) {
      const int first_key = (stage * kStagePages + page) * kPage;
      if (first_key > warp_last) break;
      const uint8_t* k_page = here + page * 2 * kPartBytes;
      const uint8_t* v_page = k_page + kPartBytes;
      Keys16<kDim> keys;
#pragma unroll
      for (int half = 0; half < 2; ++half) {
#pragma unroll
        for (int j = 0; j < kDim / 32; ++j) {
          const int slot = 8 * half + g;
          keys.piece[half][j] = *reinterpret_cast<const uint4*>(
              k_page + (slot * kPieces + Swapped(slot, 4 * j + t)) * 16);
        }
      }
      float scores[2][4];
      Scores<kDim, true>(query, keys, scores);
      const bool masked = first_key + kPage - 1 > warp_first;
#pragma unroll
      for (int half = 0; half < 2; ++half) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int at = first_key + 8 * half + 2 * t + (i & 1);
          const bool seen = !masked || at <= sees[i / 2];
          scores[half][i] = seen ? scores[half][i] * scale : -INFINITY;
        }
      }
      Values16<kDim> values;
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int slot = 2 * t + (i & 1) + 8 * (i / 2);
#pragma unroll
        for (int h = 0; h < kDim / 64; ++h) {
          values.row[i][h] = *reinterpret_cast<const uint4*>(
              v_page + (slot * kPieces + Swapped(slot, 8 * h + g)) * 16);
        }
      }
      Take<kDim, true>(scores, values, run);
    }
    __syncthreads();  // the stage may be overwritten
  }

#pragma unroll
  for (int r = 0; r < 2; ++r) {
    float weight = run.weight[r];
    weight += __shfl_xor_sync(~0U, weight, 1);
    weight += __shfl_xor_sync(~0U, weight, 2);
    if (row[r] < 0) continue;
    const float scale_out = 1.0F / weight;
#pragma unroll
    for (int h = 0; h < kDim / 64; ++h) {
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const int at = head[r] * kDim + 64 * h + 16 * t + 8 * i;
        const int c = 2 * r + i;
        Store4(out, row[r], at,
               {run.out[h][0][c] * scale_out, run.out[h][1][c] * scale_out,
                run.out[h][2][c] * scale_out, run.out[h][3][c] * scale_out});
        Store4(out, row[r], at + 4,
               {run.out[h][4][c] * scale_out, run.out[h][5][c] * scale_out,
                run.out[h][6][c] * scale_out, run.out[h][7][c] * scale_out});
      }
    }
  }
}

template <int kDim>
cudaError_t Launch(const Rows& q, const Cache& cache, const Tables& tables, int32_t group,
                   const Rows& out, cudaStream_t stream) {
  constexpr int kShared = kStages * kStagePages * 2 * kPage * kDim * 2;
  const cudaError_t raised = cudaFuncSetAttribute(
      AttendPrefillKernel<kDim>, cudaFuncAttributeMaxDynamicSharedMemorySize, kShared);
  if (raised != cudaSuccess) return raised;
  const dim3 grid(static_cast<unsigned>(tables.tile_count), static_cast<unsigned>(cache.kv_heads));
  return LaunchDependent(AttendPrefillKernel<kDim>, grid, dim3(kThreads), kShared, stream, q, cache,
                         tables, group, out);
}

}  // namespace

int32_t TileTokens(int32_t group) { return std::max(1, kPairs / std::max(group, 1)); }

cudaError_t LaunchAttendPrefill(const Rows& q, const Cache& cache, const Tables& tables,
                                const Rows& out, cudaStream_t stream) {
  const int32_t group = q.cols / cache.head_dim / cache.kv_heads;
  if (group > kPairs || !InFours(out)) return cudaErrorInvalidValue;
  return cache.head_dim == 128 ? Launch<128>(q, cache, tables, group, out, stream)
                               : Launch<64>(q, cache, tables, group, out, stream);
}

}  // namespace parley::kernels::cuda

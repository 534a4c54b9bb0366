// Attention of several rows of one sequence over the paged cache (attend_warpgroup_inl.h). A block takes a tile of tokens with all
// query heads of one key head: 64 (token, head) pairs of each of its two or three warpgroups. Every multiprocessor has one block, which
// takes one tile after the other, so that the keys of the next are on their way while the last one's are multiplied.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "kernels/cuda/attend_launch.h"
#include "kernels/cuda/attend_warpgroup_inl.h"
#include "kernels/cuda/cache_inl.h"
#include "kernels/cuda/launch_inl.h"
#include "kernels/cuda/rows_inl.h"
#include "kernels/cuda/tensor_map.h"

namespace parley::kernels::cuda {
namespace {

template <int kDim, int kGroups>
using PrefillShape = AttendShape<kDim, 64, kGroups, 4>;

// Three warpgroups share keys among more rows: 86 us instead of 100 for 2,048 rows of Step-Audio-R1 on an H200. Two make more blocks
// of few rows: 13 us instead of 16 for 512.
constexpr int kManyRows = 1536;
constexpr int GroupsFor(int rows) { return rows < kManyRows ? 2 : 3; }
constexpr int PairsFor(int rows) { return GroupsFor(rows) * kGroupRows; }  // (token, query head)

// Tiles by what a block does: later ones see more keys, and the longest come first. In every other round blocks take them in the
// opposite order, so that each block gets long and short ones.
struct Work {
  int4 tile;  // as in Tables
  int kv_head;
  int first_position;

  __device__ Work(const Tables& tables, int kv_heads, int round) {
    const int blocks = static_cast<int>(gridDim.x);
    const int block = static_cast<int>(blockIdx.x);
    const int at = round * blocks + (round % 2 == 0 ? block : blocks - 1 - block);
    there_ = at < tables.tile_count * kv_heads;
    if (!there_) return;
    tile = tables.tiles[tables.tile_count - 1 - at / kv_heads];
    kv_head = at % kv_heads;
    first_position = tables.position[tile.x];
  }
  __device__ explicit operator bool() const { return there_; }
  __device__ int keys() const { return first_position + tile.y; }

 private:
  bool there_;
};

// By one warp: queries, keys and values of all the block's tiles, as soon as there is room for them.
template <class Shape>
__device__ void Ask(const AttendRoom<Shape>& room, const CUtensorMap& queries,
                    const CUtensorMap& pages, const Cache& cache, const Tables& tables, int group) {
  constexpr int kPages = Shape::kKeys / kPage;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int tokens = Shape::kRows / group;
  Turn<Shape::kStages> turn;
  int round = 0;
  for (Work work(tables, cache.kv_heads, round); work;
       work = Work(tables, cache.kv_heads, ++round)) {
    WaitBarrier(room.QueryEmpty(), static_cast<uint32_t>(round + 1) % 2);
    if (lane == 0) {
      ArriveAndExpect(room.QueryFull(), Shape::kTiles * tokens * group * kTileRowBytes);
      for (int i = 0; i < Shape::kTiles; ++i) {
        CopyBox(room.query + i * Shape::kQueryTile, queries, i * kTileCols, work.kv_head * group,
                work.tile.x, room.QueryFull());
      }
    }
    const int32_t* table = tables.page_table + static_cast<int64_t>(work.tile.z) * tables.max_pages;
    const int last_page = (work.keys() - 1) / kPage;
    for (int block = (work.keys() - 1) / Shape::kKeys; block >= 0; --block) {
#pragma unroll
      for (const Part part : {Part::kKeys, Part::kValues}) {
        const uint32_t full = room.Full(part, turn.stage);
        WaitBarrier(room.Empty(part, turn.stage), turn.parity ^ 1);
        if (lane == 0) ArriveAndExpect(full, Shape::kPartBytes);
        __syncwarp();
        for (int i = lane; i < kPages * Shape::kTiles; i += kWarp) {
          const int page = i % kPages;
          const int column = i / kPages;
          // Pages behind the last: that one once more, for the barrier's count.
          const int64_t from = PageOffset(cache, table[min(block * kPages + page, last_page)],
                                          static_cast<int>(part), work.kv_head);
          CopyBox(
              room.At(part, turn.stage) + column * Shape::kPartTile + page * kPage * kTileRowBytes,
              pages, column * kTileCols, static_cast<int>(from / Shape::kDim), full);
        }
      }
      turn.Next();
    }
  }
}

template <class Shape>
__device__ void Answer(const AttendRoom<Shape>& room, const Cache& cache, const Tables& tables,
                       int group, const Rows& out) {
  const int first_pair =
      static_cast<int>(threadIdx.x) / kWarp * 16 + static_cast<int>(threadIdx.x) % kWarp / 4;
  AttendRows<Shape> rows;
  int round = 0;
  for (Work work(tables, cache.kv_heads, round); work;
       work = Work(tables, cache.kv_heads, ++round)) {
    Sight sight{.blocks = (work.keys() + Shape::kKeys - 1) / Shape::kKeys,
                .keys = work.keys(),
                .unmasked = (work.first_position + 1) / Shape::kKeys};
    int row[2];
    int column[2];
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const int pair = first_pair + 8 * r;
      const int token = pair / group;
      const bool there = token < work.tile.y;
      row[r] = there ? work.tile.x + token : -1;
      sight.last[r] = there ? work.first_position + token : -1;
      column[r] = (work.kv_head * group + pair % group) * Shape::kDim;
    }
    rows.Attend(room, sight, [] {});
    rows.End([&](int r, int at, const uint4& eight) {
      if (row[r] >= 0) StoreEight(out, row[r], column[r] + at, eight);
    });
  }
}

template <int kDim, int kGroups>
__global__ void __launch_bounds__((kGroups + 1) * kGroupThreads, 1)
    AttendPrefillKernel(const __grid_constant__ CUtensorMap queries,
                        const __grid_constant__ CUtensorMap pages, Cache cache, Tables tables,
                        int group, Rows out) {
  using Shape = PrefillShape<kDim, kGroups>;
  extern __shared__ uint8_t shared[];
  LetNextStart();
  if (threadIdx.x == Shape::kConsumers) {
    FetchMap(queries);
    FetchMap(pages);
  }
  const AttendRoom<Shape> room(shared);
  room.Prepare();
  WaitForPrevious();
  if (threadIdx.x < Shape::kConsumers) {
    TakeRegisters<kGroups == 2 ? 240 : 160>();
    Answer(room, cache, tables, group, out);
  } else {
    KeepRegisters<kGroups == 2 ? 24 : 32>();
    if (threadIdx.x < Shape::kConsumers + kWarp) Ask(room, queries, pages, cache, tables, group);
  }
}

template <int kDim, int kGroups>
cudaError_t Launch(const Rows& q, const Cache& cache, const Tables& tables, int32_t group,
                   const Rows& out, cudaStream_t stream) {
  using Shape = PrefillShape<kDim, kGroups>;
  CUtensorMap queries;
  const std::array<uint64_t, 3> query_size = {kDim, static_cast<uint64_t>(q.cols / kDim),
                                              static_cast<uint64_t>(q.rows)};
  const std::array<int64_t, 2> query_stride = {kDim, q.stride};
  const std::array<uint32_t, 3> query_box = {kTileCols, static_cast<uint32_t>(group),
                                             static_cast<uint32_t>(Shape::kRows / group)};
  cudaError_t made = MakeTensorMap(q.data, query_size, query_stride, query_box, &queries);
  if (made != cudaSuccess) return made;
  // The slots of all pages, layers, parts and heads, one behind the other; nobody says here how many.
  CUtensorMap pages;
  constexpr uint64_t kMostSlots = uint64_t{1} << 31;
  const std::array<uint64_t, 2> page_size = {kDim, kMostSlots};
  const std::array<int64_t, 1> page_stride = {kDim};
  const std::array<uint32_t, 2> page_box = {kTileCols, kPage};
  made = MakeTensorMap(cache.memory, page_size, page_stride, page_box, &pages);
  if (made != cudaSuccess) return made;
  made = cudaFuncSetAttribute(AttendPrefillKernel<kDim, kGroups>,
                              cudaFuncAttributeMaxDynamicSharedMemorySize,
                              static_cast<int>(Shape::kShared));
  if (made != cudaSuccess) return made;
  int device = 0;
  int multiprocessors = 0;
  made = cudaGetDevice(&device);
  if (made != cudaSuccess) return made;
  made = cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device);
  if (made != cudaSuccess) return made;
  const dim3 grid(
      static_cast<unsigned>(std::min(multiprocessors, tables.tile_count * cache.kv_heads)));
  return LaunchDependent(AttendPrefillKernel<kDim, kGroups>, grid,
                         dim3(Shape::kConsumers + kGroupThreads), Shape::kShared, stream, queries,
                         pages, cache, tables, group, out);
}

}  // namespace

int32_t TileTokens(int32_t group, int32_t rows) {
  return std::max(1, PairsFor(rows) / std::max(group, 1));
}

cudaError_t LaunchAttendPrefill(const Rows& q, const Cache& cache, const Tables& tables,
                                const Rows& out, cudaStream_t stream) {
  const int32_t group = q.cols / cache.head_dim / cache.kv_heads;
  if (group > PairsFor(q.rows) || !InEights(q) || !InEights(out)) return cudaErrorInvalidValue;
  const bool many = GroupsFor(q.rows) == 3;
  const auto launch = cache.head_dim == 128 ? (many ? Launch<128, 3> : Launch<128, 2>)
                                            : (many ? Launch<64, 3> : Launch<64, 2>);
  return launch(q, cache, tables, group, out, stream);
}

}  // namespace parley::kernels::cuda

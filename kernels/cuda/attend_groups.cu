// Attention of groups of rows that see all keys of their group, heads of 64: the audio encoders (attend_warpgroup_inl.h). A block
// takes 128 rows of a group with one head, 64 of each of its two warpgroups; two blocks share a multiprocessor, and one's products
// fill the time of the other's softmax.
// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <tuple>

#include "kernels/cuda/attend_warpgroup_inl.h"
#include "kernels/cuda/launch_inl.h"
#include "kernels/cuda/rows_inl.h"
#include "kernels/cuda/tensor_map.h"

namespace parley::kernels::cuda {
namespace {

constexpr int kDim = 64;
using Shape = AttendShape<kDim, 64, 2, 5>;
constexpr int kAhead = Shape::kStages - 2;  // blocks of keys on their way
constexpr int kBlocksEach = 2;              // of a multiprocessor

__host__ __device__ inline int BlocksOf(int rows) {
  return (rows + Shape::kRows - 1) / Shape::kRows;
}

__global__ void __launch_bounds__(Shape::kConsumers, kBlocksEach)
    AttendGroupsKernel(const __grid_constant__ CUtensorMap q, const __grid_constant__ CUtensorMap k,
                       const __grid_constant__ CUtensorMap v, const __grid_constant__ Groups groups,
                       Rows out) {
  extern __shared__ uint8_t shared[];
  LetNextStart();
  if (threadIdx.x == 0) {
    FetchMap(q);
    FetchMap(k);
    FetchMap(v);
  }
  const AttendRoom<Shape> room(shared);
  room.Prepare();
  int block = static_cast<int>(blockIdx.x);
  int at = 0;
  while (block >= BlocksOf(groups.group[at].rows)) block -= BlocksOf(groups.group[at++].rows);
  const Group group = groups.group[at];
  const int head = static_cast<int>(blockIdx.y) * kDim;
  const int first = group.first_row + block * Shape::kRows;
  const int blocks = (group.keys + Shape::kKeys - 1) / Shape::kKeys;
  WaitForPrevious();

  // One thread asks for keys and values, so early that it seldom waits for the others' end with what stood there.
  int asked = 0;
  Turn<Shape::kStages> turn;
  const auto ask = [&] {
    if (threadIdx.x != 0 || asked == blocks) return;
    ++asked;
#pragma unroll
    for (const Part part : {Part::kKeys, Part::kValues}) {
      const uint32_t full = room.Full(part, turn.stage);
      WaitBarrier(room.Empty(part, turn.stage), turn.parity ^ 1);
      ArriveAndExpect(full, Shape::kPartBytes);
      CopyBox(room.At(part, turn.stage), part == Part::kKeys ? k : v, head,
              group.first_key + (blocks - asked) * Shape::kKeys, full);
    }
    turn.Next();
  };
  if (threadIdx.x == 0) {
    ArriveAndExpect(room.QueryFull(), Shape::kQueryTile);
    CopyBox(room.query, q, head, first, room.QueryFull());
  }
  for (int i = 0; i < kAhead; ++i) ask();
  __syncwarp();
  AttendRows<Shape> rows;
  rows.Attend(room,
              {.blocks = blocks,
               .keys = group.keys,
               .unmasked = group.keys / Shape::kKeys,
               .last = {group.keys - 1, group.keys - 1}},
              [&] {
                ask();
                __syncwarp();
              });
  const int row = first + static_cast<int>(threadIdx.x) / kWarp * 16 +
                  static_cast<int>(threadIdx.x) % kWarp / 4;
  const int end = group.first_row + group.rows;
  rows.End([&](int r, int column, const uint4& eight) {
    if (row + 8 * r < end) StoreEight(out, row + 8 * r, head + column, eight);
  });
}

// Boxes of so many rows of one head.
cudaError_t MapOf(const Rows& x, int rows, CUtensorMap* map) {
  const std::array<uint64_t, 2> size = {static_cast<uint64_t>(x.cols),
                                        static_cast<uint64_t>(x.rows)};
  const std::array<int64_t, 1> stride = {x.stride};
  const std::array<uint32_t, 2> box = {kTileCols, static_cast<uint32_t>(rows)};
  return MakeTensorMap(x.data, size, stride, box, map);
}

}  // namespace

bool AttendGroupsCan(const Rows& q, const Rows& k, const Rows& v, int32_t head_dim,
                     const Rows& out) {
  return head_dim == kDim && q.cols % kDim == 0 && InEights(q) && InEights(k) && InEights(v) &&
         InEights(out);
}

cudaError_t LaunchAttendGroups(const Rows& q, const Rows& k, const Rows& v, int32_t head_dim,
                               const Groups& groups, const Rows& out, cudaStream_t stream) {
  if (!AttendGroupsCan(q, k, v, head_dim, out) || !SameShape(q, out) || !SameShape(k, v) ||
      q.cols != k.cols || groups.count < 1 || groups.count > kMostGroups) {
    return cudaErrorInvalidValue;
  }
  int blocks = 0;
  for (int i = 0; i < groups.count; ++i) {
    const Group& group = groups.group[i];
    if (group.rows < 1 || group.keys < 1 || group.first_row + group.rows > q.rows ||
        group.first_key + group.keys > k.rows) {
      return cudaErrorInvalidValue;
    }
    blocks += BlocksOf(group.rows);
  }
  CUtensorMap queries;
  CUtensorMap keys;
  CUtensorMap values;
  for (const auto& [rows, box, map] : {std::tuple{&q, Shape::kRows, &queries},
                                       {&k, Shape::kKeys, &keys},
                                       {&v, Shape::kKeys, &values}}) {
    const cudaError_t made = MapOf(*rows, box, map);
    if (made != cudaSuccess) return made;
  }
  const dim3 grid(static_cast<unsigned>(blocks), static_cast<unsigned>(q.cols / kDim));
  const cudaError_t raised =
      cudaFuncSetAttribute(AttendGroupsKernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                           static_cast<int>(Shape::kShared));
  if (raised != cudaSuccess) return raised;
  return LaunchDependent(AttendGroupsKernel, grid, dim3(Shape::kConsumers), Shape::kShared, stream,
                         queries, keys, values, groups, out);
}

}  // namespace parley::kernels::cuda

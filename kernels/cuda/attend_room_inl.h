// Where queries, keys and values stand in shared memory while warpgroups attend (attend_warpgroup_inl.h), and the barriers that say
// which of them are there and which may be overwritten: one tile of queries, a ring of kStages blocks of keys and values.
// Thread:   device code.
// Memory:   shared.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/cuda/warpgroup_inl.h"

namespace parley::kernels::cuda {

enum class Part : uint8_t { kKeys, kValues };

template <int kDimOf, int kKeysOf, int kGroupsOf, int kStagesOf>
struct AttendShape {
  static constexpr int kDim = kDimOf;
  static constexpr int kKeys = kKeysOf;
  static constexpr int kStages = kStagesOf;
  static constexpr int kRows = kGroupsOf * kGroupRows;
  static constexpr int kConsumers = kGroupsOf * kGroupThreads;
  static constexpr int kTiles = kDim / kTileCols;
  static constexpr int kQueryTile = kRows * kTileRowBytes;
  static constexpr int kPartTile = kKeys * kTileRowBytes;
  static constexpr int kPartBytes = kTiles * kPartTile;
  static constexpr int kBarriers = 2 + 4 * kStages;
  static constexpr size_t kShared =
      size_t{kTiles} * kQueryTile + size_t{2 * kStages} * kPartBytes + kBarriers * 8 + kTileAlign;
};

template <class Shape>
struct AttendRoom {
  uint32_t query;

  explicit __device__ AttendRoom(const void* shared)
      : query((SharedAddress(shared) + kTileAlign - 1) / kTileAlign * kTileAlign) {}
  __device__ uint32_t At(Part part, int stage) const {
    const int place = 2 * stage + static_cast<int>(part);
    return query +
           static_cast<uint32_t>(Shape::kTiles * Shape::kQueryTile + place * Shape::kPartBytes);
  }
  __device__ uint32_t Barrier(int i) const {
    return At(Part::kKeys, Shape::kStages) + static_cast<uint32_t>(i * 8);
  }
  __device__ uint32_t QueryFull() const { return Barrier(0); }
  __device__ uint32_t QueryEmpty() const { return Barrier(1); }
  __device__ uint32_t Full(Part part, int stage) const {
    return Barrier(2 + 4 * stage + static_cast<int>(part));
  }
  __device__ uint32_t Empty(Part part, int stage) const {
    return Barrier(4 + 4 * stage + static_cast<int>(part));
  }

  // By all threads of the block.
  __device__ void Prepare() const {
    if (threadIdx.x == 0) {
      constexpr int kWarps = Shape::kConsumers / kWarp;  // each says itself what it has done with
      InitBarrier(QueryFull(), 1);
      InitBarrier(QueryEmpty(), kWarps);
      for (int stage = 0; stage < Shape::kStages; ++stage) {
        for (const Part part : {Part::kKeys, Part::kValues}) {
          InitBarrier(Full(part, stage), 1);
          InitBarrier(Empty(part, stage), kWarps);
        }
      }
      FenceBarriers();
    }
    __syncthreads();
  }
};

}  // namespace parley::kernels::cuda

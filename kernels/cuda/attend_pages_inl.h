// One page of a head's keys and values in shared memory, as the warp that multiplies them reads it: a lane's 16-byte pieces follow
// one another kPiece bytes apart (attend_inl.h says which lane holds what).
// Thread:   device code, a whole warp at once.
// Memory:   shared memory and registers.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/cuda/device_inl.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/rope_inl.h"

namespace parley::kernels::cuda {

inline constexpr int kPiece = kWarp * 16;
template <int kDim>
inline constexpr int kPageBytes = 2 * kPage* kDim * 2;  // of one head: keys, then values

// Where a warp's copies put piece `piece` of key or value `slot`: keys to the lane that multiplies them, key 8 tile + g to lane
// 4 g + t, piece 4 j + t; value 2 t (and the next, and those behind 8) to the same, piece 8 h + g.
template <int kDim>
__device__ inline int KeyPlace(int slot, int piece) {
  return (slot / 8 * (kDim / 32) + piece / 4) * kPiece + (4 * (slot % 8) + piece % 4) * 16;
}
template <int kDim>
__device__ inline int ValuePlace(int slot, int piece) {
  return kPageBytes<kDim> / 2 + ((slot % 2 + slot / 8 * 2) * (kDim / 64) + piece / 8) * kPiece +
         (4 * (piece % 8) + slot % 8 / 2) * 16;
}

// The key and value of this step: turned, to the cache, and to the shared memory of the warp that attends to them.
template <int kDim>
struct Fresh {
  uint4 low, high;  // of the key, in the first lanes
  uint4 value;

  __device__ void Load(const __nv_bfloat16* key, const __nv_bfloat16* values, int lane,
                       const float2* turn) {
    if (lane < kDim / 16) {
      low = *reinterpret_cast<const uint4*>(key + lane * 8);
      high = *reinterpret_cast<const uint4*>(key + kDim / 2 + lane * 8);
      TurnHalves(low, high, turn + lane * 8);
    }
    if (lane < kDim / 8) value = *reinterpret_cast<const uint4*>(values + lane * 8);
  }
  __device__ void Append(__nv_bfloat16* key, __nv_bfloat16* values, int lane) const {
    if (lane < kDim / 16) {
      *reinterpret_cast<uint4*>(key + lane * 8) = low;
      *reinterpret_cast<uint4*>(key + kDim / 2 + lane * 8) = high;
    }
    if (lane < kDim / 8) *reinterpret_cast<uint4*>(values + lane * 8) = value;
  }
  __device__ void Place(uint8_t* page, int slot, int lane) const {
    if (lane < kDim / 16) {
      *reinterpret_cast<uint4*>(page + KeyPlace<kDim>(slot, lane)) = low;
      *reinterpret_cast<uint4*>(page + KeyPlace<kDim>(slot, lane + kDim / 16)) = high;
    }
    if (lane < kDim / 8) *reinterpret_cast<uint4*>(page + ValuePlace<kDim>(slot, lane)) = value;
  }
};

}  // namespace parley::kernels::cuda

// Attention of 64 query rows to keys and values that arrive in shared memory, by one warpgroup (warpgroup_inl.h): scores, the running
// softmax, the sum of weighted values.
//
// The warpgroups of a block share every key. Keys come in blocks of kKeys, the last first, so that those that need a mask are over
// soon, into a ring of kStages; who asks for them is the kernel's business. While the weights of one block are made, the tensor
// cores multiply those of the block before with its values.
// Thread:   device code.
// Memory:   registers; shared memory as AttendRoom lays it out.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "kernels/cuda/attend_room_inl.h"

namespace parley::kernels::cuda {

// What of the keys a warpgroup's rows see.
struct Sight {
  int blocks = 0;    // of keys
  int keys = 0;      // what is behind them, in the last block, may be anything
  int unmasked = 0;  // the first blocks, of which every row sees every key
  int last[2] = {};  // key that rows g and g + 8 of this thread's warp see
};

// What lane 4 g + t holds of rows g and g + 8 of its warp's 16.
template <class Shape>
class AttendRows {
 public:
  // All rows of the block's next tile of queries. ahead(): called before every block of keys but the first.
  template <class Ahead>
  __device__ __forceinline__ void Attend(const AttendRoom<Shape>& room, const Sight& sight,
                                         const Ahead& ahead) {
    const int warpgroup = static_cast<int>(threadIdx.x) / kGroupThreads;
    const uint64_t query =
        TileAlong(room.query + static_cast<uint32_t>(warpgroup * kGroupRows * kTileRowBytes));
#pragma unroll
    for (int j = 0; j < Shape::kDim / 8; ++j) {
      out_[j][0] = out_[j][1] = out_[j][2] = out_[j][3] = 0.0F;
    }
    most_[0] = most_[1] = -INFINITY;
    weight_[0] = weight_[1] = 0.0F;

    float scores[Shape::kKeys / 8][4];
    float shrink[2];
    WaitBarrier(room.QueryFull(), query_parity_);
    query_parity_ ^= 1;
    WaitBarrier(room.Full(Part::kKeys, keys_.stage), keys_.parity);
    BeginProducts();
    Score(query, room.At(Part::kKeys, keys_.stage), scores);
    CommitProducts();
    WaitProducts<0>();
    Hold(scores);
    Release(room.Empty(Part::kKeys, keys_.stage));
    keys_.Next();
    Mask(sight, sight.blocks - 1, scores);
    Weigh<true>(scores, shrink);
    Round(scores);
    if (sight.keys % Shape::kKeys != 0) ClearBehind(room, sight.keys % Shape::kKeys);

    int block = sight.blocks - 2;
    for (; block >= sight.unmasked; --block) {
      ahead();
      Step<true>(room, query, sight, block, scores);
    }
    for (; block >= 0; --block) {
      ahead();
      Step<false>(room, query, sight, block, scores);
    }
    Release(room.QueryEmpty());

    WaitBarrier(room.Full(Part::kValues, values_.stage), values_.parity);
    Hold(out_);
    Hold(weights_);
    BeginProducts();
    Take(room.At(Part::kValues, values_.stage));
    CommitProducts();
    WaitProducts<0>();
    Hold(out_);
    Hold(weights_);
    Release(room.Empty(Part::kValues, values_.stage));
    values_.Next();
  }

  // write(r, column, eight): eight neighbours of row g + 8 r, as bf16.
  template <class Write>
  __device__ __forceinline__ void End(const Write& write) const {
    const int t = static_cast<int>(threadIdx.x) % 4;
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float sum = weight_[r];
      sum += __shfl_xor_sync(~0U, sum, 1);
      sum += __shfl_xor_sync(~0U, sum, 2);
      const float scale = 1.0F / sum;
#pragma unroll
      for (int j = 0; j < Shape::kDim / 8; j += 4) {
        const auto pair = [&](int i) {
          return PackBf16(out_[j + i][2 * r] * scale, out_[j + i][2 * r + 1] * scale);
        };
        write(r, 8 * (j + t), Transposed({pair(0), pair(1), pair(2), pair(3)}));
      }
    }
  }

 private:
  // Scores are powers of two. A row's base moves only when a score is larger by this: weights stay below 2^8, which is as exact in
  // bf16 and f32 as below 1, and sums seldom have to be brought to another base.
  static constexpr float kSlack = 8.0F;

  // Scores of the next block and, meanwhile, the weighted values of the last.
  template <bool kMasked>
  __device__ __forceinline__ void Step(const AttendRoom<Shape>& room, uint64_t query,
                                       const Sight& sight, int block,
                                       float (&scores)[Shape::kKeys / 8][4]) {
    float shrink[2];
    WaitBarrier(room.Full(Part::kKeys, keys_.stage), keys_.parity);
    Hold(out_);
    Hold(weights_);
    BeginProducts();
    Score(query, room.At(Part::kKeys, keys_.stage), scores);
    CommitProducts();
    WaitBarrier(room.Full(Part::kValues, values_.stage), values_.parity);
    BeginProducts();
    Take(room.At(Part::kValues, values_.stage));
    CommitProducts();
    WaitProducts<1>();
    Hold(scores);
    Release(room.Empty(Part::kKeys, keys_.stage));
    keys_.Next();
    if constexpr (kMasked) Mask(sight, block, scores);
    const bool moved = Weigh<kMasked>(scores, shrink);
    Hold(scores);
    if (moved) {
      WaitProducts<0>();
      Hold(out_);
#pragma unroll
      for (int j = 0; j < Shape::kDim / 8; ++j) {
#pragma unroll
        for (int i = 0; i < 4; ++i) out_[j][i] *= shrink[i / 2];
      }
    } else {
      WaitProducts<0>();
      Hold(out_);
    }
    Hold(weights_);
    Release(room.Empty(Part::kValues, values_.stage));
    values_.Next();
    Round(scores);
  }

  static __device__ __forceinline__ void Score(uint64_t query, uint32_t keys,
                                               float (&scores)[Shape::kKeys / 8][4]) {
    const uint64_t tile = TileAlong(keys);
#pragma unroll
    for (int step = 0; step < Shape::kDim / 16; ++step) {
      const int along = step % 4 * 32;
      ProductOf(scores, Behind(query, step / 4 * Shape::kQueryTile + along),
                Behind(tile, step / 4 * Shape::kPartTile + along), step > 0);
    }
  }
  __device__ __forceinline__ void Take(uint32_t values) {
    const uint64_t tile = TileDown(values, Shape::kPartTile);
#pragma unroll
    for (int b = 0; b < Shape::kKeys / 16; ++b) {
      AddDown(out_, weights_[b], Behind(tile, b * 16 * kTileRowBytes));
    }
  }

  static __device__ __forceinline__ void Mask(const Sight& sight, int block,
                                              float (&scores)[Shape::kKeys / 8][4]) {
    const int first = block * Shape::kKeys + 2 * (static_cast<int>(threadIdx.x) % 4);
#pragma unroll
    for (int j = 0; j < Shape::kKeys / 8; ++j) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if (first + 8 * j + (i & 1) > sight.last[i / 2]) scores[j][i] = -INFINITY;
      }
    }
  }

  // Scores become weights. True: what was summed before is to be shrunk, of row r by shrink[r].
  template <bool kMasked>
  __device__ __forceinline__ bool Weigh(float (&scores)[Shape::kKeys / 8][4], float (&shrink)[2]) {
    constexpr float kLog2E = 1.4426950408889634F;
    const float scale = kLog2E * rsqrtf(static_cast<float>(Shape::kDim));
    float largest[2];
    bool moves = false;
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float most = fmaxf(scores[0][2 * r], scores[0][2 * r + 1]);
#pragma unroll
      for (int j = 1; j < Shape::kKeys / 8; ++j) {
        most = fmaxf(most, fmaxf(scores[j][2 * r], scores[j][2 * r + 1]));
      }
      most = fmaxf(most, __shfl_xor_sync(~0U, most, 1));
      most = fmaxf(most, __shfl_xor_sync(~0U, most, 2));
      largest[r] = most * scale;
      moves = moves || largest[r] > most_[r] + kSlack;
    }
    moves = __any_sync(~0U, moves);
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const float most = moves ? fmaxf(most_[r], largest[r]) : most_[r];
      const float base = kMasked && most == -INFINITY ? 0.0F : most;  // no key yet: weights of 0
      shrink[r] = PowerOf2(most_[r] - base);
      most_[r] = most;
      float sum[2] = {weight_[r] * shrink[r], 0.0F};
#pragma unroll
      for (int j = 0; j < Shape::kKeys / 8; ++j) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          float& score = scores[j][2 * r + i];
          score = PowerOf2(fmaf(score, scale, -base));
          sum[i] += score;
        }
      }
      weight_[r] = sum[0] + sum[1];
    }
    return moves;
  }
  __device__ __forceinline__ void Round(const float (&scores)[Shape::kKeys / 8][4]) {
#pragma unroll
    for (int b = 0; b < Shape::kKeys / 16; ++b) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const auto& four = scores[2 * b + half];
        weights_[b][2 * half] = PackBf16(four[0], four[1]);
        weights_[b][2 * half + 1] = PackBf16(four[2], four[3]);
      }
    }
  }

  // The values from `first` on in the first block that came: 0 times NaN is NaN.
  __device__ void ClearBehind(const AttendRoom<Shape>& room, int first) const {
    WaitBarrier(room.Full(Part::kValues, values_.stage), values_.parity);
    const uint32_t values = room.At(Part::kValues, values_.stage);
    constexpr int kPieces = kTileRowBytes / 16;
    const int pieces = (Shape::kKeys - first) * kPieces;  // of a tile
    for (int i = static_cast<int>(threadIdx.x); i < pieces * Shape::kTiles;
         i += Shape::kConsumers) {
      const int place = i / pieces * Shape::kPartTile + first * kTileRowBytes + i % pieces * 16;
      asm volatile(
          "st.shared.v4.b32 [%0], {%1, %1, %1, %1};" ::"r"(values + static_cast<uint32_t>(place)),
          "r"(0)
          : "memory");
    }
    ShowToAsync();
    SyncSome(1, Shape::kConsumers);
  }

  static __device__ void Release(uint32_t barrier) {
    if (threadIdx.x % kWarp == 0) Arrive(barrier);
  }
  static __device__ float PowerOf2(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
  }

  float out_[Shape::kDim / 8][4];  // columns 8 j + 2 t and the next, of row g, then of g + 8
  uint32_t weights_[Shape::kKeys / 16][4];  // of the block in hand, as bf16
  float most_[2];                           // the rows' bases
  float weight_[2];                         // of this lane's keys only
  Turn<Shape::kStages> keys_, values_;
  uint32_t query_parity_ = 0;
};

}  // namespace parley::kernels::cuda

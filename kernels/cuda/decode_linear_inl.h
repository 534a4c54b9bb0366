// The kernel of decode_linear.cu, which says how it works. Included by it only.
// Thread:   device code, one block at a time.
// Memory:   a ring of copies and the warps' sums in shared memory, at most 226 KiB a block.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "kernels/cuda/device_inl.h"

namespace parley::kernels::cuda {

inline constexpr int kTileRows = 8;     // weight rows; two tiles are a product's 16
inline constexpr int kStepBytes = 128;  // of a weight row, a warp's step: two 16-byte pieces a lane
inline constexpr int kPiece = kWarp * 16;
inline constexpr int kTileStage = 2 * kPiece;
inline constexpr int kMostShared = 226 * 1024;
inline constexpr int kMostStages = 6;

struct DecodeArgs {
  const uint8_t* x;
  const uint8_t* w;
  const float* bias;
  void* out;
  int64_t x_bytes;  // from one row of x to the next
  int64_t out_stride;
  int64_t up_bytes;  // SwiGLU: from a gate's row to its up's
  int32_t rows;
  int32_t in;
  int32_t outs;   // outputs a row of `out`
  int32_t lumps;  // of kTiles tiles
  bool out_f32;
};

// Shapes of a block, for so many rows of x at most and tiles.
template <int kRows, int kTiles, int kWarps>
struct Block {
  static constexpr int kEights = kRows / 8;                                  // rows g, g + 8
  static constexpr int kStage = kTiles * kTileStage + 2 * kEights * kPiece;  // bytes of a warp
  static constexpr int kPitch = kRows + 2;                   // of a weight row's sums
  static constexpr int kSums = kTiles * kTileRows * kPitch;  // floats of a warp
  static constexpr int kRoom = (kMostShared - kWarps * kSums * 4) / (kWarps * kStage);
  static constexpr int kStages = std::min(kMostStages, kRoom);
  static constexpr size_t kShared = size_t{kWarps} * (kStages * kStage + kSums * 4);
  static_assert(kStages >= 2);
};

// The copies run ahead of the products: where they are.
struct Place {
  int lump;
  int step;
};

template <int kRows, bool kSwiGlu, int kTiles, int kWarps>
class DecodeLinear {
  using B = Block<kRows, kTiles, kWarps>;
  static constexpr int kOutTiles = kSwiGlu ? kTiles / 2 : kTiles;  // tiles of outputs
  static constexpr int kOutputs = kOutTiles * kTileRows;
  static constexpr int kPairs = (kTiles + 1) / 2;

 public:
  __device__ DecodeLinear(const DecodeArgs& args, uint8_t* shared)
      : a(args),
        warp(static_cast<int>(threadIdx.x) / kWarp),
        g(static_cast<int>(threadIdx.x) % kWarp / 4),
        t(static_cast<int>(threadIdx.x) % 4),
        row_bytes(a.in * 2),
        steps((row_bytes + kStepBytes - 1) / kStepBytes),
        ring(shared + warp * B::kStages * B::kStage + (4 * g + t) * 16),
        sums(reinterpret_cast<float*>(shared + kWarps * B::kStages * B::kStage)) {}

  __device__ void Run() {
    Place copy = Start();
    Place begun = copy;
#pragma unroll
    for (int slot = 0; slot < B::kStages - 1; ++slot) {
      if (copy.lump < a.lumps) {
        CopyWeights(copy, slot);
        Next(copy);
      }
    }
    WaitForPrevious();
#pragma unroll
    for (int slot = 0; slot < B::kStages - 1; ++slot) {  // x of the steps that are on their way
      if (begun.lump < a.lumps) {
        CopyX(begun.step, slot);
        Next(begun);
      }
      CommitCopies();  // empty ones too: waiting counts groups
    }
    int slot = 0;
    int free_slot = B::kStages - 1;
    for (int lump = static_cast<int>(blockIdx.x); lump < a.lumps;
         lump += static_cast<int>(gridDim.x)) {
      float c[kPairs][B::kEights][4] = {};
      for (int step = warp; step < steps; step += kWarps) {
        WaitCopies<B::kStages - 2>();
        if (copy.lump < a.lumps) {
          CopyWeights(copy, free_slot);
          CopyX(copy.step, free_slot);
          Next(copy);
        }
        CommitCopies();
        free_slot = free_slot + 1 == B::kStages ? 0 : free_slot + 1;
        Multiply(ring + slot * B::kStage, c);
        slot = slot + 1 == B::kStages ? 0 : slot + 1;
      }
      Leave(c);
      __syncthreads();
      Finish(lump);
      __syncthreads();
    }
    WaitCopies<0>();
  }

 private:
  __device__ Place Start() const {  // fewer steps than warps: some only meet the others
    const int step = warp;
    return {step < steps ? static_cast<int>(blockIdx.x) : a.lumps, step};
  }
  __device__ void Next(Place& place) const {
    place.step += kWarps;
    if (place.step < steps) return;
    place.lump += static_cast<int>(gridDim.x);
    place.step = warp;
  }

  // Behind the last row and the end of a row come zeros.
  __device__ void CopyWeights(const Place& place, int slot) const {
    const int at = place.step * kStepBytes + t * 16;
    const int first = place.lump * kOutputs + g;
    const uint8_t* base = a.w + static_cast<int64_t>(first) * row_bytes + at;
    const uint32_t to = SharedAddress(ring) + static_cast<uint32_t>(slot * B::kStage);
#pragma unroll
    for (int tile = 0; tile < kTiles; ++tile) {
      const int down = (kSwiGlu ? tile / 2 : tile) * kTileRows;
      const bool there = first + down < a.outs;
      const uint8_t* row =
          base + (there ? down * row_bytes + (kSwiGlu && tile % 2 == 1 ? a.up_bytes : 0) : 0);
#pragma unroll
      for (int piece = 0; piece < 2; ++piece) {
        CopyAsync16(to + static_cast<uint32_t>(tile * kTileStage + piece * kPiece),
                    row + piece * 64, there && at + piece * 64 < row_bytes);
      }
    }
  }
  // Rows that are not there stay what they were: they are columns of the product that nobody reads.
  __device__ void CopyX(int step, int slot) const {
    const uint32_t to =
        SharedAddress(ring) + static_cast<uint32_t>(slot * B::kStage + kTiles * kTileStage);
#pragma unroll
    for (int eight = 0; eight < B::kEights; ++eight) {
      if (g + 8 * eight >= a.rows) continue;
      const uint8_t* row = a.x + (g + 8 * eight) * a.x_bytes;
#pragma unroll
      for (int piece = 0; piece < 2; ++piece) {
        const int at = step * kStepBytes + piece * 64 + t * 16;
        CopyAsync16(to + static_cast<uint32_t>((piece * B::kEights + eight) * kPiece), row + at,
                    at < row_bytes);
      }
    }
  }

  __device__ void Multiply(const uint8_t* here, float (&c)[kPairs][B::kEights][4]) const {
#pragma unroll
    for (int piece = 0; piece < 2; ++piece) {
      const uint8_t* from = here + kTiles * kTileStage + piece * B::kEights * kPiece;
      uint4 x[B::kEights];
#pragma unroll
      for (int i = 0; i < B::kEights; ++i) {
        x[i] = *reinterpret_cast<const uint4*>(from + i * kPiece);
      }
#pragma unroll
      for (int pair = 0; pair < kPairs; ++pair) {
        const uint8_t* at = here + 2 * pair * kTileStage + piece * kPiece;
        const uint4 low = *reinterpret_cast<const uint4*>(at);
        uint4 high = {0, 0, 0, 0};
        if (2 * pair + 1 < kTiles) high = *reinterpret_cast<const uint4*>(at + kTileStage);
#pragma unroll
        for (int i = 0; i < 2; ++i) {
#pragma unroll
          for (int eight = 0; eight < B::kEights; ++eight) {
            Mma(c[pair][eight], Word(low, 2 * i), Word(high, 2 * i), Word(low, 2 * i + 1),
                Word(high, 2 * i + 1), Word(x[eight], 2 * i), Word(x[eight], 2 * i + 1));
          }
        }
      }
    }
  }

  // The warps' sums side by side, then all threads add them up.
  __device__ void Leave(const float (&c)[kPairs][B::kEights][4]) const {
    float* mine = sums + warp * B::kSums + g * B::kPitch + 2 * t;
#pragma unroll
    for (int pair = 0; pair < kPairs; ++pair) {
#pragma unroll
      for (int eight = 0; eight < B::kEights; ++eight) {
        float* at = mine + 2 * pair * kTileRows * B::kPitch + 8 * eight;
        const float(&v)[4] = c[pair][eight];
        *reinterpret_cast<float2*>(at) = {v[0], v[1]};
        if (2 * pair + 1 < kTiles) {
          *reinterpret_cast<float2*>(at + kTileRows * B::kPitch) = {v[2], v[3]};
        }
      }
    }
  }
  __device__ void Finish(int lump) const {
    const int count = kOutputs * a.rows;
    const int threads = kWarps * kWarp;
    for (int i = static_cast<int>(threadIdx.x); i < count; i += threads) {
      const int row = i / kOutputs;
      const int o = i % kOutputs;
      const int out = lump * kOutputs + o;
      if (out >= a.outs) continue;
      if constexpr (kSwiGlu) {
        const float gate = Total(2 * (o / kTileRows), o % kTileRows, row);
        const float up = Total(2 * (o / kTileRows) + 1, o % kTileRows, row);
        Store(row, out, SwiGluOf(gate, up));
      } else {
        const float total = Total(o / kTileRows, o % kTileRows, row);
        Store(row, out, total + (a.bias != nullptr ? a.bias[out] : 0.0F));
      }
    }
  }
  __device__ float Total(int tile, int tile_row, int row) const {
    const float* theirs = sums + (tile * kTileRows + tile_row) * B::kPitch + row;
    float total = 0.0F;
#pragma unroll
    for (int from = 0; from < kWarps; ++from) total += theirs[from * B::kSums];
    return total;
  }
  __device__ void Store(int row, int out, float v) const {
    StoreAs(a.out_f32, a.out, row * a.out_stride + out, v);
  }

  const DecodeArgs& a;
  const int warp, g, t;  // lane 4 g + t
  const int row_bytes, steps;
  uint8_t* const ring;  // this lane's 16 bytes of every piece
  float* const sums;
};

template <int kRows, bool kSwiGlu, int kTiles, int kWarps>
__global__ void __launch_bounds__(kWarps* kWarp, 1)
    DecodeLinearKernel(const __grid_constant__ DecodeArgs args) {
  extern __shared__ __align__(128) uint8_t shared[];
  LetNextStart();
  DecodeLinear<kRows, kSwiGlu, kTiles, kWarps>(args, shared).Run();
}

}  // namespace parley::kernels::cuda

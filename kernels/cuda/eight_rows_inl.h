// The kernel of eight_rows.cu, which says how it works. Included by it only.
// Thread:   device code, one block at a time: six warps that multiply, a warp that copies.
// Memory:   a ring of stages and the warps' sums in shared memory, at most 225 KiB a block.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/cuda/halve_rows_inl.h"
#include "kernels/cuda/narrow_products_inl.h"
#include "kernels/cuda/ring_args_inl.h"
#include "kernels/cuda/warpgroup_inl.h"

namespace parley::kernels::cuda {

inline constexpr int kSliceRows = 16;  // weight rows of one product
inline constexpr int kXTile = 8 * kTileRowBytes;
inline constexpr int kXTiles = 2;       // of 64 values, a line
inline constexpr int kSteps = 8;        // of 16 values, a line
inline constexpr int kMultipliers = 6;  // warps
inline constexpr int kMostSlots = 36;

// Shapes. A stage is a line of every weight row, those of a region rounded up to eight, and the values of x for it. There are a
// multiple of the multipliers: a slot is one warp's for good, nobody waits for a phase but the next.
template <bool kSwiGlu>
struct EightShape {
  static constexpr int kRegions = kSwiGlu ? 2 : 1;  // gates, ups
  static constexpr int kThreads = (kMultipliers + 1) * kWarp;
  __host__ __device__ static int RegionRows(int outputs) { return (outputs + 7) / 8 * 8; }
  __host__ __device__ static int Slices(int outputs) {
    return (kRegions * RegionRows(outputs) + kSliceRows - 1) / kSliceRows;
  }
  __host__ __device__ static int StageBytes(int outputs) {
    return kRegions * RegionRows(outputs) * kTileRowBytes + kXTiles * kXTile;
  }
};

template <bool kSwiGlu, int kSlices>
class EightRows {
  using S = EightShape<kSwiGlu>;
  using Sums = float[kSlices][4];

 public:
  __device__ EightRows(const RingArgs& args, uint32_t shared, float* sum_room, uint64_t* barriers)
      : a(args),
        ring(shared),
        full(SharedAddress(barriers)),
        free(full + kMostSlots * 8),
        region_rows(S::RegionRows(a.outputs)),
        stage_bytes(S::StageBytes(a.outputs)),
        warp(static_cast<int>(threadIdx.x) / kWarp),
        lane(static_cast<int>(threadIdx.x) % kWarp),
        sums(sum_room) {}

  __device__ void Run() {
    if (static_cast<int>(threadIdx.x) == kMultipliers * kWarp) Prepare();
    __syncthreads();  // the barriers are there
    if (warp < kMultipliers) {
      Multiply();
    } else if (lane == 0) {
      Feed();
    }
  }

 private:
  struct Place {
    int lump, line;
  };
  __device__ Place First() const { return {static_cast<int>(blockIdx.x), 0}; }
  __device__ void Next(Place& place) const {
    if (++place.line < a.lines) return;
    place.line = 0;
    place.lump += static_cast<int>(gridDim.x);
  }
  __device__ uint32_t StageAt(int slot) const {
    return ring + static_cast<uint32_t>(slot * stage_bytes);
  }
  __device__ uint32_t Full(int slot) const { return full + static_cast<uint32_t>(slot) * 8; }
  __device__ uint32_t Free(int slot) const { return free + static_cast<uint32_t>(slot) * 8; }
  __device__ uint32_t XAt(int slot) const {
    return StageAt(slot) + static_cast<uint32_t>(S::kRegions * region_rows * kTileRowBytes);
  }

  // ---- the thread that copies ----------------------------------------------------------------------------------------
  __device__ void Prepare() const {
    FetchMap(a.w);
    FetchMap(a.x);
    for (int i = 0; i < a.stages; ++i) {
      InitBarrier(Full(i), 1);
      InitBarrier(Free(i), 1);
    }
    FenceBarriers();
  }
  // Weights of the stages that there is room for, before the wait; then the rows of x that go with them.
  __device__ void Feed() const {
    Place copy = First();
    int begun = 0;
    for (; begun < a.stages && copy.lump < a.lumps; ++begun, Next(copy)) CopyWeights(begun, copy);
    WaitForPrevious();
    Place at = First();
    for (int slot = 0; slot < begun; ++slot, Next(at)) CopyX(slot, at);
    int slot = 0;
    uint32_t parity = 0;
    for (; copy.lump < a.lumps; Next(copy)) {
      WaitBarrier(Free(slot), parity);
      CopyWeights(slot, copy);
      CopyX(slot, copy);
      if (++slot == a.stages) {
        slot = 0;
        parity ^= 1;
      }
    }
  }
  __device__ void CopyWeights(int slot, const Place& place) const {
    ArriveAndExpect(Full(slot), kTileRowBytes * (S::kRegions * a.outputs + kXTiles * a.rows));
#pragma unroll
    for (int region = 0; region < S::kRegions; ++region) {
      CopyBox(StageAt(slot) + static_cast<uint32_t>(region * region_rows * kTileRowBytes), a.w,
              place.line * kTileCols, region * a.outs + place.lump * a.outputs, Full(slot));
    }
  }
  __device__ void CopyX(int slot, const Place& place) const {
#pragma unroll
    for (int tile = 0; tile < kXTiles; ++tile) {
      CopyBox(XAt(slot) + static_cast<uint32_t>(tile * kXTile), a.x,
              (place.line * kXTiles + tile) * kTileCols, 0, Full(slot));
    }
  }

  // ---- the warps that multiply ---------------------------------------------------------------------------------------
  __device__ void Multiply() const {
    int slot = warp;
    uint32_t parity = 0;
    int line = warp;  // this warp's next
    for (int lump = static_cast<int>(blockIdx.x); lump < a.lumps;
         lump += static_cast<int>(gridDim.x)) {
      const Ends ends = MyEnds(lump);
      Sums c = {};
      for (; line < a.lines; line += kMultipliers) {
        WaitBarrier(Full(slot), parity);
        Line(slot, c);
        __syncwarp();
        if (lane == 0) Arrive(Free(slot));
        slot += kMultipliers;
        if (slot >= a.stages) {
          slot -= a.stages;
          parity ^= 1;
        }
      }
      line -= a.lines;
      Put(c);
      SyncSome(1, kMultipliers * kWarp);
      Finish(lump, ends);
      SyncSome(1, kMultipliers * kWarp);
    }
  }

  // What of the last slice is no weight row is x, or what stood there before: rows of the product that nobody reads.
  __device__ void Line(int slot, Sums& c) const {
    uint32_t x[kSteps][2];
    LoadX(XAt(slot), x);
    const float mine = HalveWords(reinterpret_cast<uint32_t(&)[2 * kSteps]>(x));
    // Of the rows 2 t and 2 t + 1, which lanes 8 t and 8 t + 4 have.
    const float down[2] = {__shfl_sync(~0U, mine, lane % 4 * 8),
                           __shfl_sync(~0U, mine, lane % 4 * 8 + 4)};
    const int row = lane % 16;
    const uint32_t weights = StageAt(slot) + static_cast<uint32_t>(row * kTileRowBytes);
#pragma unroll
    for (int slice = 0; slice < kSlices; ++slice) {
      const uint32_t from = weights + static_cast<uint32_t>(slice * kSliceRows * kTileRowBytes);
      float line[4] = {};
#pragma unroll
      for (int pair = 0; pair < kSteps / 2; ++pair) {  // pieces of 16 bytes, two at a time
        uint32_t codes[4];
        LoadCodes(codes, from + static_cast<uint32_t>(((2 * pair + lane / 16) ^ (row & 7)) * 16));
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          uint32_t w[4];
          HalvesOfE4m3(codes[2 * i], w[0], w[2]);
          HalvesOfE4m3(codes[2 * i + 1], w[1], w[3]);
          const uint32_t(&values)[2] = x[2 * pair + i];
          MmaHalf(line, w[0], w[1], w[2], w[3], values[0], values[1]);
        }
      }
#pragma unroll
      for (int i = 0; i < 4; ++i) c[slice][i] += line[i] * down[i % 2];
    }
  }
  // Lane 4 g + t: of row g the pairs 2 t and 2 t + 8 of every step. Rows that are not there are columns that nobody reads.
  __device__ void LoadX(uint32_t tiles, uint32_t (&x)[kSteps][2]) const {
    const int row = lane % 8;
#pragma unroll
    for (int pair = 0; pair < kSteps / 2; ++pair) {
      const int piece = pair % 2 * 4 + lane / 8;
      const uint32_t tile = tiles + static_cast<uint32_t>(pair / 2 * kXTile);
      LoadCodes(reinterpret_cast<uint32_t(&)[4]>(x[2 * pair]),
                tile + static_cast<uint32_t>(row * kTileRowBytes + (piece ^ row) * 16));
    }
  }

  // ---- the results ---------------------------------------------------------------------------------------------------
  // A thread ends one output of a lump, for some rows of x: what it needs is on its way while the products run.
  struct Ends {
    int output, row, rows;  // first row of x, and how many rows further the next is
    float scale[S::kRegions];
    float bias;
  };
  __device__ Ends MyEnds(int lump) const {
    const int thread = static_cast<int>(threadIdx.x);
    const int at_once = kMultipliers * kWarp / a.outputs;
    Ends e{.output = thread % a.outputs, .row = thread / a.outputs, .rows = at_once};
    const int out = lump * a.outputs + e.output;
    if (e.row >= at_once || out >= a.outs) e.row = a.rows;
    if (e.row >= a.rows) return e;
#pragma unroll
    for (int region = 0; region < S::kRegions; ++region) {
      e.scale[region] = a.row_scale[region * a.outs + out];
    }
    e.bias = !kSwiGlu && a.bias != nullptr ? a.bias[out] : 0.0F;
    return e;
  }
  __device__ void Put(const Sums& c) const {
    float* to = sums + warp * a.rows * a.pitch + lane / 4;
#pragma unroll
    for (int slice = 0; slice < kSlices; ++slice) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int row = lane % 4 * 2 + i % 2;
        if (row < a.rows) to[row * a.pitch + slice * kSliceRows + i / 2 * 8] = c[slice][i];
      }
    }
  }
  __device__ float Total(int row, int weight_row) const {
    float total = 0.0F;
#pragma unroll
    for (int from = 0; from < kMultipliers; ++from) {
      total += sums[(from * a.rows + row) * a.pitch + weight_row];
    }
    return total;
  }
  __device__ void Finish(int lump, const Ends& e) const {
    for (int row = e.row; row < a.rows; row += e.rows) {
      float v = Total(row, e.output) * e.scale[0];
      if constexpr (kSwiGlu) {
        v = SwiGluOf(v, Total(row, region_rows + e.output) * e.scale[1]);
      } else {
        v += e.bias;
      }
      StoreAs(a.out_f32, a.out, row * a.out_stride + lump * a.outputs + e.output, v);
    }
  }

  const RingArgs& a;
  const uint32_t ring, full, free;
  const int region_rows, stage_bytes;
  const int warp, lane;
  float* const sums;
};

template <bool kSwiGlu, int kSlices>
__global__ void __launch_bounds__(EightShape<kSwiGlu>::kThreads, 1)
    EightRowsKernel(const __grid_constant__ RingArgs args) {
  extern __shared__ uint8_t shared[];
  __shared__ __align__(8) uint64_t barriers[2 * kMostSlots];
  LetNextStart();
  const uint32_t base = SharedAddress(shared);
  const uint32_t ring = (base + kTileAlign - 1) / kTileAlign * kTileAlign;
  const int behind =
      static_cast<int>(ring - base) + args.stages * EightShape<kSwiGlu>::StageBytes(args.outputs);
  EightRows<kSwiGlu, kSlices>(args, ring, reinterpret_cast<float*>(shared + behind), barriers)
      .Run();
}

}  // namespace parley::kernels::cuda

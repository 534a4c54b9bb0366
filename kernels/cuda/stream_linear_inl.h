// The kernel of stream_linear.cu, which says how it works. Included by it only.
// Thread:   device code, one block at a time: four warpgroups that multiply, a warp that copies, with e4m3 weights one or two
//           that make x f16.
// Memory:   a ring of stages, and the sums of warpgroups that share a tile, in shared memory, at most 227 KiB a block.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/cuda/halve_rows_inl.h"
#include "kernels/cuda/narrow_products_inl.h"
#include "kernels/cuda/ring_args_inl.h"
#include "kernels/cuda/warpgroup_inl.h"

namespace parley::kernels::cuda {

inline constexpr int kGroups = 4;  // warpgroups that multiply
inline constexpr int kProducts = kGroups * kGroupThreads;
inline constexpr int kMostStages = 32;

struct StreamArgs : RingArgs {
  float*
      partial;  // of blocks that share out the inner dimension: [lump][block][region][row of x][pitch]
  int32_t* counters;  // [lump], of blocks that have left theirs; zero before and after
  int32_t split;      // blocks that share out the inner dimension
};

// Shapes. kShare: the warpgroups take stages of one tile in turn; else each takes a tile of every stage. A stage is a line of every
// row: 128 bytes of weights and the values of x for them.
template <int kRows, bool kFp8, bool kSwiGlu, bool kShare>
struct StreamShape {
  static constexpr int kRegions = kSwiGlu ? 2 : 1;  // gates, ups
  static constexpr int kMostOutputs = kShare ? kGroupRows : kGroups * kGroupRows;
  static constexpr int kHalvers = kShare ? 2 : 1;  // warps that make x f16
  static constexpr int kThreads = kProducts + (1 + (kFp8 ? kHalvers : 0)) * kWarp;
  static constexpr int kXTiles = kFp8 ? 2 : 1;  // of 64 values, a line
  static constexpr int kXTile = kRows * kTileRowBytes;
  static constexpr int kEights = kRows / 8;
  __host__ __device__ static int RegionBytes(int outputs) {
    return (outputs + 7) / 8 * 8 * kTileRowBytes;
  }
  __host__ __device__ static int StageBytes(int outputs) {
    return kRegions * RegionBytes(outputs) + kXTiles * kXTile;
  }
};

template <int kRows, bool kFp8, bool kSwiGlu, bool kShare>
class StreamLinear {
  using S = StreamShape<kRows, kFp8, kSwiGlu, kShare>;
  using Sums = float[S::kRegions][S::kEights][4];

 public:
  __device__ StreamLinear(const StreamArgs& args, uint32_t shared, float* sum_room,
                          uint64_t* barriers, float* scale_room)
      : a(args),
        ring(shared),
        full(SharedAddress(barriers)),
        free(full + kMostStages * 8),
        ready(free + kMostStages * 8),
        rank(static_cast<int>(blockIdx.x) % a.split),
        region_bytes(S::RegionBytes(a.outputs)),
        stage_bytes(S::StageBytes(a.outputs)),
        group(static_cast<int>(threadIdx.x) / kGroupThreads),
        // Of the tile's four times 16 rows. A scheduler has one warp of each group: where they share a tile, none of them has those
        // rows alone that are not there.
        quarter((static_cast<int>(threadIdx.x) / kWarp + (kFp8 && kShare ? group : 0)) % 4),
        sums(sum_room),
        x_down(scale_room) {}

  __device__ void Run() {
    Stage stage;
    if (static_cast<int>(threadIdx.x) == kProducts) {
      Prepare();
      Begin(stage);
    }
    __syncthreads();  // the barriers are there
    for (int lump = FirstLump(); lump < a.lumps; lump += Turn()) {
      if (static_cast<int>(threadIdx.x) < kProducts) {
        Sums c = {};
        Multiply(stage, c);
        Leave(c, lump);
      } else if (static_cast<int>(threadIdx.x) == kProducts) {
        Feed(stage, lump);
      } else if (kFp8 && static_cast<int>(threadIdx.x) >= kProducts + kWarp) {
        MakeHalves(stage);
      }
    }
  }

 private:
  struct Stage {
    int slot = 0;
    uint32_t parity = 0;
    __device__ void Next(int stages) {
      if (++slot == stages) {
        slot = 0;
        parity ^= 1;
      }
    }
  };
  __device__ int FirstLump() const { return static_cast<int>(blockIdx.x) / a.split; }
  __device__ int Turn() const { return static_cast<int>(gridDim.x) / a.split; }
  __device__ uint32_t StageAt(int slot) const {
    return ring + static_cast<uint32_t>(slot * stage_bytes);
  }
  __device__ uint32_t Full(int slot) const { return full + static_cast<uint32_t>(slot) * 8; }
  __device__ uint32_t Free(int slot) const { return free + static_cast<uint32_t>(slot) * 8; }
  __device__ uint32_t Ready(int slot) const { return ready + static_cast<uint32_t>(slot) * 8; }
  __device__ uint32_t XAt(int slot) const {
    return StageAt(slot) + static_cast<uint32_t>(S::kRegions * region_bytes);
  }

  // ---- the thread that copies ----------------------------------------------------------------------------------------
  __device__ void Prepare() const {
    FetchMap(a.w);
    FetchMap(a.x);
    for (int i = 0; i < a.stages; ++i) {
      InitBarrier(Full(i), 1);
      InitBarrier(Free(i), kShare ? 4 : kGroups * 4);  // warps
      InitBarrier(Ready(i), 1);
    }
    FenceBarriers();
  }
  // Weights of the stages that there is room for, before the wait; then the rows of x that go with them.
  __device__ void Begin(Stage& stage) const {
    const int begun = FirstLump() < a.lumps ? min(a.stages, a.lines) : 0;
    for (int step = 0; step < begun; ++step) CopyWeights(step, FirstLump(), step);
    WaitForPrevious();
    for (int step = 0; step < begun; ++step, stage.Next(a.stages)) CopyX(step, step);
  }
  // What Begin has not.
  __device__ void Feed(Stage& stage, int lump) const {
    for (int step = lump == FirstLump() ? min(a.stages, a.lines) : 0; step < a.lines;
         ++step, stage.Next(a.stages)) {
      // The first round of a slot waits for nobody: the phase before the first counts as complete.
      WaitBarrier(Free(stage.slot), stage.parity ^ 1);
      CopyWeights(stage.slot, lump, step);
      CopyX(stage.slot, step);
    }
  }
  __device__ void CopyWeights(int slot, int lump, int step) const {
    ArriveAndExpect(Full(slot), kTileRowBytes * (S::kRegions * a.outputs + S::kXTiles * a.rows));
#pragma unroll
    for (int region = 0; region < S::kRegions; ++region) {
      CopyBox(StageAt(slot) + static_cast<uint32_t>(region * region_bytes), a.w,
              (rank * a.lines + step) * kTileCols, region * a.outs + lump * a.outputs, Full(slot));
    }
  }
  __device__ void CopyX(int slot, int step) const {
#pragma unroll
    for (int tile = 0; tile < S::kXTiles; ++tile) {
      CopyBox(XAt(slot) + static_cast<uint32_t>(tile * S::kXTile), a.x,
              ((rank * a.lines + step) * S::kXTiles + tile) * kTileCols, 0, Full(slot));
    }
  }

  // ---- the warps that make x f16 ------------------------------------------------------------------------------------
  __device__ void MakeHalves(Stage& stage) {
    const int mine = static_cast<int>(threadIdx.x) / kWarp - kProducts / kWarp - 1;
    for (int step = 0; step < a.lines; ++step, stage.Next(a.stages)) {
      if (S::kHalvers > 1 && turn++ % S::kHalvers != mine) continue;
      WaitBarrier(Full(stage.slot), stage.parity);
      HalveRows(XAt(stage.slot), S::kXTile, a.rows, x_down + stage.slot * kRows);
      ShowToAsync();
      __syncwarp();
      if (threadIdx.x % kWarp == 0) Arrive(Ready(stage.slot));
    }
  }

  // ---- the warpgroups ------------------------------------------------------------------------------------------------
  __device__ void Multiply(Stage& stage, Sums& c) {
    const int first = kShare ? 0 : group * kGroupRows;
    for (int step = 0; step < a.lines; ++step, stage.Next(a.stages)) {
      if (kShare && turn++ % kGroups != group) continue;
      WaitBarrier(Full(stage.slot), stage.parity);
      if constexpr (kFp8) WaitBarrier(Ready(stage.slot), stage.parity);
      if (first < a.outputs) {
        const uint32_t weights = StageAt(stage.slot) + static_cast<uint32_t>(first * kTileRowBytes);
#pragma unroll
        for (int region = 0; region < S::kRegions; ++region) {
          const uint32_t tile = weights + static_cast<uint32_t>(region * region_bytes);
          if constexpr (kFp8) {
            TileOfE4m3(tile, stage.slot, first + quarter * 16 < a.outputs, c[region]);
          } else {
            BeginProducts();
#pragma unroll
            for (int k = 0; k < 4; ++k) {
              Product(c[region], TileAlong(tile) + 2 * k, TileAlong(XAt(stage.slot)) + 2 * k);
            }
            CommitProducts();
          }
        }
        WaitProducts<0>();
#pragma unroll
        for (int region = 0; region < S::kRegions; ++region) Hold(c[region]);
      }
      __syncwarp();
      if (threadIdx.x % kWarp == 0) Arrive(Free(stage.slot));
    }
  }

  __device__ static void Product(float (&c)[S::kEights][4], uint64_t weights, uint64_t x) {
    if constexpr (S::kEights == 8) {  // as two of 32 rows
      auto& halves = reinterpret_cast<float(&)[2][4][4]>(c);
      Add(halves[0], weights, x);
      Add(halves[1], weights, x + (4 * 1024 >> 4));
    } else {
      Add(c, weights, x);
    }
  }

  // 64 rows, a line each: 128 values, in two halves. The line's own power of two a row of x is undone behind the products.
  __device__ void TileOfE4m3(uint32_t weights, int slot, bool there,
                             float (&c)[S::kEights][4]) const {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int row = quarter * 16 + lane % 16;
    const uint32_t mine = weights + static_cast<uint32_t>(row * kTileRowBytes);
    float line[S::kEights][4];
    uint32_t halves[2][4][4];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
#pragma unroll
      for (int k = 0; k < 4; ++k) LeaveAsIs(halves[half][k]);
      if (there) Unpack(mine, 4 * half + lane / 16, row, halves[half]);
      BeginProducts();
      const uint64_t x = TileAlong(XAt(slot) + static_cast<uint32_t>(half * S::kXTile));
      if (half == 0) {
        Make(line, halves[half][0], x);
      } else {
        Add(line, halves[half][0], x);
      }
#pragma unroll
      for (int k = 1; k < 4; ++k) Add(line, halves[half][k], x + 2 * k);
      CommitProducts();
      if constexpr (kRows == 32) {  // registers for one half
        WaitProducts<0>();
        Hold(halves[half]);
      }
    }
    WaitProducts<0>();
    Hold(halves[0]);
    Hold(halves[1]);
    Hold(line);
#pragma unroll
    for (int j = 0; j < S::kEights; ++j) {
      const float2 down =
          *reinterpret_cast<const float2*>(&x_down[slot * kRows + 8 * j + lane % 4 * 2]);
#pragma unroll
      for (int i = 0; i < 4; ++i) c[j][i] += line[j][i] * (i % 2 == 0 ? down.x : down.y);
    }
  }
  __device__ static void Unpack(uint32_t mine, int piece, int row, uint32_t (&to)[4][4]) {
#pragma unroll
    for (int pair = 0; pair < 2; ++pair) {
      uint32_t codes[4];
      LoadCodes(codes, mine + static_cast<uint32_t>(((piece + 2 * pair) ^ (row & 7)) * 16));
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        uint32_t(&four)[4] = to[2 * pair + i];
        HalvesOfE4m3(codes[2 * i], four[0], four[2]);
        HalvesOfE4m3(codes[2 * i + 1], four[1], four[3]);
      }
    }
  }

  // ---- the results ---------------------------------------------------------------------------------------------------
  // f(i, output, row) of all sums c[…][i / 4][i % 4] that this thread has: an output of this block, a row of x.
  template <class F>
  __device__ void Each(F f) const {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int first = (kShare ? 0 : group * kGroupRows) + quarter * 16 + lane / 4;
#pragma unroll
    for (int i = 0; i < S::kEights * 4; ++i) {
      const int output = first + i % 4 / 2 * 8;
      const int row = i / 4 * 8 + lane % 4 * 2 + i % 2;
      if (output < a.outputs && row < a.rows) f(i, output, row);
    }
  }
  // Where the sums of part `part` stand; parts are warpgroups or blocks.
  __device__ int At(int part, int region, int row) const {
    return ((part * S::kRegions + region) * a.rows + row) * a.pitch;
  }
  __device__ void Put(const Sums& c, float* to, int part) const {
    Each([&](int i, int output, int row) {
#pragma unroll
      for (int region = 0; region < S::kRegions; ++region) {
        to[At(part, region, row) + output] = c[region][i / 4][i % 4];
      }
    });
  }
  __device__ void Leave(const Sums& c, int lump) const {
    if (kShare) {
      Put(c, sums, group);
      SyncSome(1, kProducts);
      Finish(lump, kGroups, [&](int at) { return sums[at]; });
      SyncSome(1, kProducts);
    } else if (a.split == 1) {
      Each([&](int i, int output, int row) {
        End(lump, output, row, [&](int region) { return c[region][i / 4][i % 4]; });
      });
    } else {
      float* parts = a.partial + static_cast<int64_t>(lump) * At(a.split, 0, 0);
      Put(c, parts, rank);
      __threadfence();
      SyncSome(1, kProducts);
      auto* last = reinterpret_cast<int*>(sums);
      if (threadIdx.x == 0) *last = atomicAdd(&a.counters[lump], 1) == a.split - 1 ? 1 : 0;
      SyncSome(1, kProducts);
      if (*last != 0) {
        __threadfence();
        // They were written by other blocks: this block's L1 must not answer.
        Finish(lump, a.split, [&](int at) { return __ldcg(parts + at); });
        if (threadIdx.x == 0) a.counters[lump] = 0;
      }
      SyncSome(1, kProducts);
    }
  }
  // The parts added up in their order, whoever does it.
  template <class ReadSum>
  __device__ void Finish(int lump, int parts, const ReadSum& read) const {
    const int count = a.outputs * a.rows;
    for (int i = static_cast<int>(threadIdx.x); i < count; i += kProducts) {
      const int row = i / a.outputs;
      const int output = i % a.outputs;
      End(lump, output, row, [&](int region) {
        float total = 0.0F;
#pragma unroll 4
        for (int part = 0; part < parts; ++part) total += read(At(part, region, row) + output);
        return total;
      });
    }
  }
  template <class Sum>
  __device__ void End(int lump, int output, int row, const Sum& sum) const {
    const int out = lump * a.outputs + output;
    if (out >= a.outs) return;
    float v = kFp8 ? sum(0) * a.row_scale[out] : sum(0);
    if constexpr (kSwiGlu) {
      v = SwiGluOf(v, kFp8 ? sum(1) * a.row_scale[a.outs + out] : sum(1));
    } else if (a.bias != nullptr) {
      v += a.bias[out];
    }
    StoreAs(a.out_f32, a.out, row * a.out_stride + out, v);
  }

  const StreamArgs& a;
  const uint32_t ring, full, free, ready;
  const int rank;  // among the blocks that share out the inner dimension
  const int region_bytes, stage_bytes;
  const int group;
  const int quarter;
  float* const sums;
  float* const x_down;  // of a stage's rows of x, what undoes their power of two
  int turn = 0;
};

template <int kRows, bool kFp8, bool kSwiGlu, bool kShare>
__global__ void __launch_bounds__(StreamShape<kRows, kFp8, kSwiGlu, kShare>::kThreads, 1)
    StreamLinearKernel(const __grid_constant__ StreamArgs args) {
  extern __shared__ uint8_t shared[];
  __shared__ __align__(8) uint64_t barriers[3 * kMostStages];
  __shared__ __align__(8) float x_down[kFp8 ? kMostStages * kRows : 2];
  LetNextStart();
  using S = StreamShape<kRows, kFp8, kSwiGlu, kShare>;
  const uint32_t base = SharedAddress(shared);
  const uint32_t ring = (base + kTileAlign - 1) / kTileAlign * kTileAlign;
  const int behind = static_cast<int>(ring - base) + args.stages * S::StageBytes(args.outputs);
  StreamLinear<kRows, kFp8, kSwiGlu, kShare>(args, ring, reinterpret_cast<float*>(shared + behind),
                                             barriers, x_down)
      .Run();
}

}  // namespace parley::kernels::cuda

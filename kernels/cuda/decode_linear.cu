// out[r, o] = scale[o] * sum_k x[r, k] w[o, k] + bias[o] for 1 to 16 rows r: as fast as w can be read.
//
// A block takes `kTiles` tiles of 8 weight rows at a time (with SwiGLU, gates and their ups by turns) through the whole inner
// dimension, which its warps share out in steps of 128 bytes a row; the rows of x come along as one more tile. So that x is
// read once for many weight rows, the number of tiles is chosen to give every multiprocessor one block's worth of work. A
// lane copies asynchronously exactly the 16 bytes that it will multiply: its ring of copies in shared memory needs no
// barrier, and runs on into the next tiles. One tensor-core product takes the activations as its 16 rows and the weights as
// its 8 columns; the order of k inside a product is free as long as both sides agree, which makes every load 16 bytes wide.
// Before it waits for its predecessor a block starts the weights of its ring: the memory is not idle while norms and
// attention run.
//
// Measured on an H200 before this form: groups of 8 rows with x kept in shared memory met at a barrier every 80 KB and
// reached 0.74 to 0.96 of the memory's speed in bf16, 0.5 to 0.8 in fp8; splitting the inner dimension over blocks cost
// 3 us for every fence.
//
// Weights in fp8 become bf16 by moving bits, 2^120 too small (device_inl.h); activations are taken 2^60 larger, which bf16
// holds, and the rest of the power joins the row's scale.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/cuda/device_inl.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/launch_inl.h"

namespace parley::kernels::cuda {
namespace {

constexpr int kWarps = 8;
constexpr int kTileRows = 8;     // weight rows of a tensor-core product
constexpr int kStepBytes = 128;  // of a weight row, a warp's step: two 16-byte pieces a lane
constexpr int kPiece = kWarp * 16;
constexpr int kTileStage = 2 * kPiece;
constexpr int kMostShared = 226 * 1024;
constexpr float kUp = 0x1p60F;  // fp8: see above

struct Args {
  const uint8_t* x;
  const uint8_t* w;
  const float* row_scale;
  const float* bias;
  void* out;
  int64_t x_bytes;  // from one row of x to the next
  int64_t out_stride;
  int32_t rows;
  int32_t in;
  int32_t outs;   // outputs a row of `out`
  int32_t lumps;  // of kTiles tiles
  bool out_f32;
};

// Shapes of a block, for so many rows of x at most, types and tiles.
template <int kRows, bool kFp8, int kTiles>
struct Block {
  static constexpr int kHalves = kRows / 8;  // rows g and g + 8
  // Pieces of 16 bytes a lane takes of x for a piece of weights: fp8 stands for twice as many values.
  static constexpr int kXPieces = kHalves * (kFp8 ? 2 : 1);
  static constexpr int kStage = kTiles * kTileStage + 2 * kXPieces * kPiece;  // bytes of a warp
  static constexpr int kSums = kTiles * kRows * kTileRows;                    // floats of a warp
  static constexpr int kRoom = (kMostShared - kWarps * kSums * 4) / (kWarps * kStage);
  static constexpr int kStages = kRoom > 4 ? 4 : kRoom;
  static constexpr size_t kShared = size_t{kWarps} * (kStages * kStage + kSums * 4);
  static_assert(kStages >= 2);
};

// Activations of fp8 weights: 2^60 larger, and each four values as 0 2 1 3, as UnpackE4m3 leaves them.
__device__ inline uint4 ForFp8(const uint4& x) {
  const __nv_bfloat162 up = __float2bfloat162_rn(kUp);
  const auto larger = [&](uint32_t pair) {
    const __nv_bfloat162 v = __hmul2(*reinterpret_cast<const __nv_bfloat162*>(&pair), up);
    return *reinterpret_cast<const uint32_t*>(&v);
  };
  return {larger(__byte_perm(x.x, x.y, 0x5410)), larger(__byte_perm(x.x, x.y, 0x7632)),
          larger(__byte_perm(x.z, x.w, 0x5410)), larger(__byte_perm(x.z, x.w, 0x7632))};
}

__device__ inline void Store(const Args& a, int row, int out, float v) {
  const int64_t at = row * a.out_stride + out;
  if (a.out_f32) {
    static_cast<float*>(a.out)[at] = v;
  } else {
    static_cast<__nv_bfloat16*>(a.out)[at] = __float2bfloat16_rn(v);
  }
}

template <bool kFp8, bool kSwiGlu>
__device__ void Finish(const Args& a, int row, int out, float first, float second) {
  if constexpr (kFp8) {
    first *= a.row_scale[out] * kUp;
    if constexpr (kSwiGlu) second *= a.row_scale[a.outs + out] * kUp;
  }
  if constexpr (kSwiGlu) {
    Store(a, row, out, first / (1.0F + __expf(-first)) * second);
  } else {
    Store(a, row, out, first + (a.bias != nullptr ? a.bias[out] : 0.0F));
  }
}

template <int kRows, bool kFp8, bool kSwiGlu, int kTiles>
__global__ void __launch_bounds__(kWarps* kWarp, 1) DecodeLinearKernel(const Args a) {
  using B = Block<kRows, kFp8, kTiles>;
  constexpr int kOutTiles = kSwiGlu ? kTiles / 2 : kTiles;  // tiles of outputs
  extern __shared__ __align__(128) uint8_t shared[];
  LetNextStart();

  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int g = lane / 4;
  const int t = lane % 4;
  uint8_t* ring = shared + warp * B::kStages * B::kStage;
  auto* sums = reinterpret_cast<float*>(shared + kWarps * B::kStages * B::kStage);
  const uint32_t to = SharedAddress(ring) + static_cast<uint32_t>(lane) * 16;
  const int row_bytes = kFp8 ? a.in : a.in * 2;
  const int steps = (row_bytes + kStepBytes - 1) / kStepBytes;
  const bool low = g < a.rows;
  const bool high = kRows > 8 && g + 8 < a.rows;

  // A step's weights and its part of x into a slot of the ring.
  const auto copy_weights = [&](int lump, int step, int slot) {
    const int at = step * kStepBytes + t * 16;
#pragma unroll
    for (int tile = 0; tile < kTiles; ++tile) {
      const int out_tile = lump * kOutTiles + (kSwiGlu ? tile / 2 : tile);
      const int o =
          min(out_tile * kTileRows + g, a.outs - 1) + (kSwiGlu && tile % 2 == 1 ? a.outs : 0);
      const uint8_t* row = a.w + static_cast<int64_t>(o) * row_bytes;
#pragma unroll
      for (int piece = 0; piece < 2; ++piece) {
        const bool inside = at + piece * 64 < row_bytes;
        CopyAsync16(
            to + static_cast<uint32_t>(slot * B::kStage + tile * kTileStage + piece * kPiece),
            inside ? row + at + piece * 64 : row, inside);
      }
    }
  };
  const auto copy_x = [&](int step, int slot) {
    constexpr int kBytes = kFp8 ? 32 : 16;  // of x for a lane's piece
    const int x_row_bytes = a.in * 2;
#pragma unroll
    for (int piece = 0; piece < 2; ++piece) {
#pragma unroll
      for (int half = 0; half < B::kHalves; ++half) {
        if (!(half == 0 ? low : high)) continue;
        const int at =
            step * (kFp8 ? 2 * kStepBytes : kStepBytes) + piece * (kFp8 ? 128 : 64) + t * kBytes;
        const uint8_t* row = a.x + (g + 8 * half) * a.x_bytes;
#pragma unroll
        for (int part = 0; part < kBytes / 16; ++part) {
          const bool inside = at + part * 16 < x_row_bytes;
          CopyAsync16(to + static_cast<uint32_t>(
                               slot * B::kStage + kTiles * kTileStage +
                               (piece * B::kXPieces + half * (kBytes / 16) + part) * kPiece),
                      inside ? row + at + part * 16 : row, inside);
        }
      }
    }
  };
  // The copies run ahead of the products: their own place.
  int copy_lump = static_cast<int>(blockIdx.x);
  int copy_step = warp;
  const auto next_place = [&] {
    copy_step += kWarps;
    if (copy_step >= steps) {
      copy_lump += static_cast<int>(gridDim.x);
      copy_step = warp;
    }
  };
  const bool works = warp < steps;  // fewer steps than warps: some only meet the others
  if (!works) copy_lump = a.lumps;
  int begun_lump = copy_lump;
  int begun_step = copy_step;
#pragma unroll
  for (int slot = 0; slot < B::kStages - 1; ++slot) {
    if (copy_lump < a.lumps) {
      copy_weights(copy_lump, copy_step, slot);
      next_place();
    }
  }
  WaitForPrevious();
#pragma unroll
  for (int slot = 0; slot < B::kStages - 1;
       ++slot) {  // x of the steps whose weights are on their way
    if (begun_lump < a.lumps) {
      copy_x(begun_step, slot);
      begun_step += kWarps;
      if (begun_step >= steps) {
        begun_lump += static_cast<int>(gridDim.x);
        begun_step = warp;
      }
    }
    CommitCopies();  // empty ones too: waiting counts groups
  }

  int slot = 0;
  int free_slot = B::kStages - 1;
  for (int lump = static_cast<int>(blockIdx.x); lump < a.lumps;
       lump += static_cast<int>(gridDim.x)) {
    float c[kTiles][4] = {};
    for (int step = warp; step < steps; step += kWarps) {
      WaitCopies<B::kStages - 2>();
      if (copy_lump < a.lumps) {
        copy_weights(copy_lump, copy_step, free_slot);
        copy_x(copy_step, free_slot);
        next_place();
      }
      CommitCopies();
      free_slot = free_slot + 1 == B::kStages ? 0 : free_slot + 1;
      const uint8_t* here = ring + slot * B::kStage + lane * 16;
      slot = slot + 1 == B::kStages ? 0 : slot + 1;
#pragma unroll
      for (int piece = 0; piece < 2; ++piece) {
        const uint8_t* x = here + kTiles * kTileStage + piece * B::kXPieces * kPiece;
        constexpr int kParts = kFp8 ? 2 : 1;
        uint4 xa[kParts];
        uint4 xb[kParts];
#pragma unroll
        for (int part = 0; part < kParts; ++part) {
          xa[part] = low ? *reinterpret_cast<const uint4*>(x + part * kPiece) : uint4{0, 0, 0, 0};
          xb[part] = high ? *reinterpret_cast<const uint4*>(x + (kParts + part) * kPiece)
                          : uint4{0, 0, 0, 0};
          if constexpr (kFp8) {
            xa[part] = ForFp8(xa[part]);
            if constexpr (kRows > 8) xb[part] = ForFp8(xb[part]);
          }
        }
#pragma unroll
        for (int tile = 0; tile < kTiles; ++tile) {
          const uint4 w =
              *reinterpret_cast<const uint4*>(here + tile * kTileStage + piece * kPiece);
          if constexpr (kFp8) {
            const uint32_t words[4] = {w.x, w.y, w.z, w.w};
#pragma unroll
            for (int part = 0; part < 2; ++part) {
              uint32_t even = 0;
              uint32_t odd = 0;
              UnpackE4m3(words[2 * part], even, odd);
              Mma(c[tile], xa[part].x, xb[part].x, xa[part].y, xb[part].y, even, odd);
              UnpackE4m3(words[2 * part + 1], even, odd);
              Mma(c[tile], xa[part].z, xb[part].z, xa[part].w, xb[part].w, even, odd);
            }
          } else {
            Mma(c[tile], xa[0].x, xb[0].x, xa[0].y, xb[0].y, w.x, w.y);
            Mma(c[tile], xa[0].z, xb[0].z, xa[0].w, xb[0].w, w.z, w.w);
          }
        }
      }
    }
    // The warps' sums side by side, then all threads add them up.
    float* mine = sums + warp * B::kSums;
#pragma unroll
    for (int tile = 0; tile < kTiles; ++tile) {
      float* at = mine + tile * kRows * kTileRows;
      *reinterpret_cast<float2*>(at + g * kTileRows + 2 * t) = {c[tile][0], c[tile][1]};
      if constexpr (kRows > 8) {
        *reinterpret_cast<float2*>(at + (g + 8) * kTileRows + 2 * t) = {c[tile][2], c[tile][3]};
      }
    }
    __syncthreads();
    const int each = a.rows * kTileRows;
    for (int i = static_cast<int>(threadIdx.x); i < kOutTiles * each; i += kWarps * kWarp) {
      const int out_tile = i / each;
      const int at = i % each;
      constexpr int kParts = kSwiGlu ? 2 : 1;
      float total[kParts] = {};
#pragma unroll
      for (int from = 0; from < kWarps; ++from) {
#pragma unroll
        for (int part = 0; part < kParts; ++part) {
          total[part] +=
              sums[from * B::kSums + (out_tile * kParts + part) * kRows * kTileRows + at];
        }
      }
      const int out = (lump * kOutTiles + out_tile) * kTileRows + at % kTileRows;
      if (out < a.outs) Finish<kFp8, kSwiGlu>(a, at / kTileRows, out, total[0], total[kParts - 1]);
    }
    __syncthreads();
  }
  WaitCopies<0>();
}

template <int kRows, bool kFp8, bool kSwiGlu, int kTiles>
cudaError_t Launch(Args a, int sms, cudaStream_t stream) {
  using B = Block<kRows, kFp8, kTiles>;
  constexpr int kOutTiles = kSwiGlu ? kTiles / 2 : kTiles;
  a.lumps = (a.outs + kOutTiles * kTileRows - 1) / (kOutTiles * kTileRows);
  const auto kernel = DecodeLinearKernel<kRows, kFp8, kSwiGlu, kTiles>;
  const cudaError_t raised = cudaFuncSetAttribute(  // of this device: nothing is remembered here
      kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(B::kShared));
  if (raised != cudaSuccess) return raised;
  return LaunchDependent(kernel, dim3(static_cast<unsigned>(std::min(a.lumps, sms))),
                         dim3(kWarps * kWarp), B::kShared, stream, a);
}

template <int kRows, bool kFp8>
cudaError_t LaunchTiles(const Args& a, bool swiglu, int tiles, int sms, cudaStream_t stream) {
  if (swiglu) {
    if (tiles == 4) return Launch<kRows, kFp8, true, 4>(a, sms, stream);
    return tiles == 6 ? Launch<kRows, kFp8, true, 6>(a, sms, stream) : cudaErrorInvalidValue;
  }
  if (tiles == 4) return Launch<kRows, kFp8, false, 4>(a, sms, stream);
  if (tiles == 5) return Launch<kRows, kFp8, false, 5>(a, sms, stream);
  return tiles == 7 ? Launch<kRows, kFp8, false, 7>(a, sms, stream) : cudaErrorInvalidValue;
}

// The number of tiles with which the busiest multiprocessor has the fewest.
int ChooseTiles(int32_t outs, bool swiglu, int32_t sms) {
  int best = 0;
  int64_t least = 0;
  for (const int tiles : {7, 6, 5, 4}) {
    if (swiglu ? tiles % 2 == 1 : tiles == 6) continue;
    const int outputs = (swiglu ? tiles / 2 : tiles) * kTileRows;
    const int64_t lumps = (outs + outputs - 1) / outputs;
    const int64_t busiest = (lumps + sms - 1) / sms * tiles;
    if (best == 0 || busiest < least) {
      best = tiles;
      least = busiest;
    }
  }
  return best;
}

}  // namespace

cudaError_t LaunchDecodeLinear(const Rows& x, const Matrix& w, const float* bias, bool swiglu,
                               const Rows& out, int32_t sms, int32_t tiles, cudaStream_t stream) {
  const bool shaped = x.rows >= 1 && x.rows <= kDecodeRows && out.rows == x.rows &&
                      x.cols == w.in && w.in % 16 == 0 && w.out == (swiglu ? 2 : 1) * out.cols &&
                      x.type == Type::kBf16;
  const bool aligned = x.stride % 8 == 0 && reinterpret_cast<uintptr_t>(x.data) % 16 == 0 &&
                       reinterpret_cast<uintptr_t>(w.data) % 16 == 0;
  if (!shaped || !aligned || sms < 1) return cudaErrorInvalidValue;
  const Args a{.x = static_cast<const uint8_t*>(x.data),
               .w = static_cast<const uint8_t*>(w.data),
               .row_scale = w.row_scale,
               .bias = bias,
               .out = out.data,
               .x_bytes = x.stride * 2,
               .out_stride = out.stride,
               .rows = x.rows,
               .in = w.in,
               .outs = out.cols,
               .lumps = 0,
               .out_f32 = out.type == Type::kF32};
  if (tiles <= 0) tiles = ChooseTiles(out.cols, swiglu, sms);
  if (x.rows <= 8) {
    return w.fp8 ? LaunchTiles<8, true>(a, swiglu, tiles, sms, stream)
                 : LaunchTiles<8, false>(a, swiglu, tiles, sms, stream);
  }
  return w.fp8 ? LaunchTiles<16, true>(a, swiglu, tiles, sms, stream)
               : LaunchTiles<16, false>(a, swiglu, tiles, sms, stream);
}

}  // namespace parley::kernels::cuda

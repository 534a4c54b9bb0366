// out[r, o] = scale[o] * sum_k x[r, k] w[o, k] + bias[o] for 1 to 16 rows r: as fast as w can be read.
//
// A block walks over groups of 8 weight rows (two tiles with SwiGLU: 8 gates and their 8 ups); its warps share out the
// inner dimension. A lane copies asynchronously exactly the 16 bytes that it will multiply, so its ring of copies in
// shared memory needs no barrier and runs on across groups: `stages` KB in flight a warp. One tensor-core product takes
// the activations as its 16 rows and the weights as its 8 columns. The order of k inside a product is free as long as
// both sides agree, which makes every load 16 bytes wide.
//
// Before it waits for its predecessor a block starts its ring and asks L2 for the groups behind it: the memory is not
// idle while norms and attention run.
//
// Weights in fp8 become bf16 by moving bits, 2^120 too small (device_inl.h); activations are taken 2^60 too large, which
// bf16 holds, and the rest of the power joins the row's scale.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/cuda/device_inl.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/launch_inl.h"

namespace parley::kernels::cuda {
namespace {

constexpr int kTileRows = 8;     // weight rows of a tensor-core product
constexpr int kStepBytes = 128;  // of a weight row, a warp's step: two 16-byte pieces a lane
constexpr int kStageBytes = kTileRows * kStepBytes;
constexpr float kUp = 0x1p60F;  // fp8: see above

struct Args {
  const void* x;
  const uint8_t* w;
  const float* row_scale;
  const float* bias;
  void* out;
  float* partial;
  int32_t* counters;
  int64_t x_stride;
  int64_t out_stride;
  int32_t rows;
  int32_t in;
  int32_t outs;    // outputs a row of `out`
  int32_t groups;  // of 8 outputs
  int32_t splits;
  int32_t slice;  // of `in` a split takes: a multiple of a step's values
  int32_t prefetch_groups;
  bool x_f32;
  bool out_f32;
};

template <int kRows, bool kFp8>
__host__ __device__ constexpr int PaddedSlice(int slice) {
  // A quarter of a warp reads two rows at once: their pieces must not share banks.
  const int pad_bytes = kRows == 1 ? 0 : kFp8 ? 16 : 64;
  const int bytes = (slice * 2 + 127) / 128 * 128;
  return (bytes + pad_bytes) / 2;
}

// The block's part of x into shared memory as bf16. fp8: 2^60 larger, and each four values as 0 2 1 3 (UnpackE4m3).
template <int kRows, bool kFp8>
__device__ void LoadInput(const Args& a, int begin, int padded, __nv_bfloat16* xs) {
  const int count = min(a.slice, a.in - begin);
  const int fours = (a.slice + 3) / 4;
  for (int i = static_cast<int>(threadIdx.x); i < a.rows * fours;
       i += static_cast<int>(blockDim.x)) {
    const int r = i / fours;
    const int k = i % fours * 4;
    float v[4] = {0.0F, 0.0F, 0.0F, 0.0F};
    if (k < count) {
      const int64_t at = r * a.x_stride + begin + k;
      if (a.x_f32) {
        const float4 f = *reinterpret_cast<const float4*>(static_cast<const float*>(a.x) + at);
        v[0] = f.x, v[1] = f.y, v[2] = f.z, v[3] = f.w;
      } else {
        const uint2 p =
            *reinterpret_cast<const uint2*>(static_cast<const __nv_bfloat16*>(a.x) + at);
        v[0] = __uint_as_float(p.x << 16), v[1] = __uint_as_float(p.x & 0xFFFF0000U);
        v[2] = __uint_as_float(p.y << 16), v[3] = __uint_as_float(p.y & 0xFFFF0000U);
      }
    }
    uint2 packed;
    if constexpr (kFp8) {
      packed = {PackBf16(v[0] * kUp, v[2] * kUp), PackBf16(v[1] * kUp, v[3] * kUp)};
    } else {
      packed = {PackBf16(v[0], v[1]), PackBf16(v[2], v[3])};
    }
    *reinterpret_cast<uint2*>(xs + r * padded + k) = packed;
  }
}

// One 16-byte piece of a lane's weight row with the activations of row g (and g + 8) at the same k.
template <int kRows, bool kFp8>
__device__ void Multiply(const uint4& w, const __nv_bfloat16* x, int64_t eight_rows, bool low,
                         bool high, float (&c)[4]) {
  constexpr uint4 kZero = {0, 0, 0, 0};
  const uint32_t words[4] = {w.x, w.y, w.z, w.w};
#pragma unroll
  for (int half = 0; half < (kFp8 ? 2 : 1); ++half) {
    const uint4 a = low ? *reinterpret_cast<const uint4*>(x + 8 * half) : kZero;
    uint4 b = kZero;
    if constexpr (kRows > 8) {
      if (high) b = *reinterpret_cast<const uint4*>(x + eight_rows + 8 * half);
    }
    if constexpr (kFp8) {
      uint32_t even = 0;
      uint32_t odd = 0;
      UnpackE4m3(words[2 * half], even, odd);
      Mma(c, a.x, b.x, a.y, b.y, even, odd);
      UnpackE4m3(words[2 * half + 1], even, odd);
      Mma(c, a.z, b.z, a.w, b.w, even, odd);
    } else {
      Mma(c, a.x, b.x, a.y, b.y, words[0], words[1]);
      Mma(c, a.z, b.z, a.w, b.w, words[2], words[3]);
    }
  }
}

// What becomes of the sum of an output: scale, bias, type.
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

template <int kRows, bool kFp8, bool kSwiGlu, int kWarps, int kStages>
__global__ void __launch_bounds__(kWarps* kWarp) DecodeLinearKernel(const Args a) {
  constexpr int kTiles = kSwiGlu ? 2 : 1;
  constexpr int kStepValues = kFp8 ? kStepBytes : kStepBytes / 2;
  constexpr int kSums = kTiles * kRows * kTileRows;  // a group's
  extern __shared__ __align__(128) uint8_t shared[];
  LetNextStart();

  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int g = lane / 4;
  const int t = lane % 4;
  uint8_t* ring = shared + warp * kStages * kTiles * kStageBytes;
  auto* sums = reinterpret_cast<float*>(shared + kWarps * kStages * kTiles * kStageBytes);
  auto* xs = reinterpret_cast<__nv_bfloat16*>(sums + 2 * kWarps * kSums);

  const int split = static_cast<int>(blockIdx.x) % a.splits;
  const int first_group = static_cast<int>(blockIdx.x) / a.splits;
  const int group_step = static_cast<int>(gridDim.x) / a.splits;
  const int begin = split * a.slice;
  const int steps = (min(a.slice, a.in - begin) + kStepValues - 1) / kStepValues;
  const int row_bytes = kFp8 ? a.in : a.in * 2;
  const int begin_bytes = kFp8 ? begin : begin * 2;
  const uint32_t to = SharedAddress(ring) + static_cast<uint32_t>(lane) * 16;

  // The copies run ahead of the products: their own place in (group, step).
  int copy_group = first_group;
  int copy_step = warp;
  int copy_slot = 0;
  const auto copy_next = [&] {
    while (copy_group < a.groups && copy_step >= steps) {
      copy_group += group_step;
      copy_step = warp;
    }
    if (copy_group < a.groups) {
      const int o = min(copy_group * kTileRows + g, a.outs - 1);
      const int at = begin_bytes + copy_step * kStepBytes + t * 16;
#pragma unroll
      for (int tile = 0; tile < kTiles; ++tile) {
        const uint8_t* row = a.w + static_cast<int64_t>(o + tile * a.outs) * row_bytes;
#pragma unroll
        for (int piece = 0; piece < 2; ++piece) {
          const bool inside = at + piece * 64 < row_bytes;
          CopyAsync16(
              to + static_cast<uint32_t>((copy_slot * kTiles + tile) * kStageBytes + piece * 512),
              inside ? row + at + piece * 64 : row, inside);
        }
      }
      copy_step += kWarps;
    }
    copy_slot = copy_slot + 1 == kStages ? 0 : copy_slot + 1;
    CommitCopies();  // empty ones too: waiting counts groups
  };
#pragma unroll
  for (int i = 0; i < kStages - 1; ++i) copy_next();
  // A whole row of the slice a request; the ring's own groups are on their way already.
  if (a.prefetch_groups > 0 && threadIdx.x < kTileRows * kTiles * a.prefetch_groups) {
    const int i = static_cast<int>(threadIdx.x);
    const int group = first_group + (i / (kTileRows * kTiles)) * group_step;
    const int o = group * kTileRows + i % kTileRows;
    if (group < a.groups && o < a.outs) {
      const int tile = i / kTileRows % kTiles;
      const int bytes = min(kFp8 ? a.slice : a.slice * 2, row_bytes - begin_bytes);
      PrefetchL2(a.w + static_cast<int64_t>(o + tile * a.outs) * row_bytes + begin_bytes,
                 static_cast<uint32_t>(bytes));
    }
  }
  WaitForPrevious();
  const int padded = PaddedSlice<kRows, kFp8>(a.slice);
  LoadInput<kRows, kFp8>(a, begin, padded, xs);
  __syncthreads();

  const bool low = g < a.rows;
  const bool high = g + 8 < a.rows;
  const __nv_bfloat16* lane_x = xs + (low ? g : 0) * padded + t * (kFp8 ? 16 : 8);
  int slot = 0;
  int parity = 0;
  for (int group = first_group; group < a.groups; group += group_step) {
    float c[kTiles][4] = {};
    for (int step = warp; step < steps; step += kWarps) {
      WaitCopies<kStages - 2>();
      uint4 w[kTiles][2];
#pragma unroll
      for (int tile = 0; tile < kTiles; ++tile) {
#pragma unroll
        for (int piece = 0; piece < 2; ++piece) {
          w[tile][piece] = *reinterpret_cast<const uint4*>(
              ring + (slot * kTiles + tile) * kStageBytes + piece * 512 + lane * 16);
        }
      }
      copy_next();
      slot = slot + 1 == kStages ? 0 : slot + 1;
      const __nv_bfloat16* x = lane_x + step * kStepValues;
#pragma unroll
      for (int piece = 0; piece < 2; ++piece) {
#pragma unroll
        for (int tile = 0; tile < kTiles; ++tile) {
          Multiply<kRows, kFp8>(w[tile][piece], x + piece * (kStepValues / 2),
                                static_cast<int64_t>(8) * padded, low, high, c[tile]);
        }
      }
    }
    // Sums of the warps, to be added by one of them: a different one each time, two groups' worth of room.
    float* mine = sums + (parity * kWarps + warp) * kSums;
#pragma unroll
    for (int tile = 0; tile < kTiles; ++tile) {
      float* at = mine + tile * kRows * kTileRows;
      if (g < kRows) {
        *reinterpret_cast<float2*>(at + g * kTileRows + 2 * t) = {c[tile][0], c[tile][1]};
      }
      if constexpr (kRows > 8) {
        *reinterpret_cast<float2*>(at + (g + 8) * kTileRows + 2 * t) = {c[tile][2], c[tile][3]};
      }
    }
    __syncthreads();
    if (warp == (group / group_step) % kWarps) {
      const int outputs = a.rows * kTileRows;
      bool last = true;
      for (int i = lane; i < outputs; i += kWarp) {
        float total[kTiles] = {};
#pragma unroll
        for (int from = 0; from < kWarps; ++from) {
#pragma unroll
          for (int tile = 0; tile < kTiles; ++tile) {
            total[tile] += sums[(parity * kWarps + from) * kSums + tile * kRows * kTileRows + i];
          }
        }
        const int out = group * kTileRows + i % kTileRows;
        if (a.splits > 1) {
#pragma unroll
          for (int tile = 0; tile < kTiles; ++tile) {
            a.partial[((static_cast<int64_t>(group) * a.splits + split) * kTiles + tile) * kRows *
                          kTileRows +
                      i] = total[tile];
          }
        } else if (out < a.outs) {
          Finish<kFp8, kSwiGlu>(a, i / kTileRows, out, total[0], total[kTiles - 1]);
        }
      }
      if (a.splits > 1) {  // the last split to arrive adds all of them, in their order
        __threadfence();
        __syncwarp();
        int arrived = 0;
        if (lane == 0) arrived = atomicAdd(&a.counters[group], 1);
        last = __shfl_sync(~0U, arrived, 0) == a.splits - 1;
        if (last) {
          __threadfence();
          for (int i = lane; i < outputs; i += kWarp) {
            float total[kTiles] = {};
            for (int s = 0; s < a.splits; ++s) {
#pragma unroll
              for (int tile = 0; tile < kTiles; ++tile) {
                total[tile] += __ldcg(
                    &a.partial[((static_cast<int64_t>(group) * a.splits + s) * kTiles + tile) *
                                   kRows * kTileRows +
                               i]);
              }
            }
            const int out = group * kTileRows + i % kTileRows;
            if (out < a.outs) {
              Finish<kFp8, kSwiGlu>(a, i / kTileRows, out, total[0], total[kTiles - 1]);
            }
          }
          if (lane == 0) a.counters[group] = 0;
        }
      }
    }
    parity ^= 1;
  }
  WaitCopies<0>();
}

template <int kRows, bool kFp8, bool kSwiGlu, int kWarps, int kStages>
cudaError_t Launch(const Args& a, int blocks, cudaStream_t stream) {
  constexpr int kTiles = kSwiGlu ? 2 : 1;
  const size_t shared =
      size_t{kWarps} * kStages * kTiles * kStageBytes +
      size_t{2} * kWarps * kTiles * kRows * kTileRows * sizeof(float) +
      static_cast<size_t>(a.rows) * static_cast<size_t>(PaddedSlice<kRows, kFp8>(a.slice)) * 2;
  if (shared > size_t{227} * 1024) return cudaErrorInvalidValue;
  const auto kernel = DecodeLinearKernel<kRows, kFp8, kSwiGlu, kWarps, kStages>;
  const cudaError_t raised = cudaFuncSetAttribute(  // of this device: nothing is remembered here
      kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared));
  if (raised != cudaSuccess) return raised;
  return LaunchDependent(kernel, dim3(static_cast<unsigned>(blocks)), dim3(kWarps * kWarp), shared,
                         stream, a);
}

template <int kRows, bool kFp8, bool kSwiGlu>
cudaError_t LaunchShaped(const Args& a, int blocks, int warps, int stages, cudaStream_t stream) {
  if (warps == 16 && stages == 4) return Launch<kRows, kFp8, kSwiGlu, 16, 4>(a, blocks, stream);
  if (warps == 16 && stages == 6) return Launch<kRows, kFp8, kSwiGlu, 16, 6>(a, blocks, stream);
  if (warps == 8 && stages == 6) return Launch<kRows, kFp8, kSwiGlu, 8, 6>(a, blocks, stream);
  return cudaErrorInvalidValue;
}

template <bool kFp8, bool kSwiGlu>
cudaError_t LaunchRows(const Args& a, int blocks, int warps, int stages, cudaStream_t stream) {
  if (a.rows == 1) return LaunchShaped<1, kFp8, kSwiGlu>(a, blocks, warps, stages, stream);
  if (a.rows <= 8) return LaunchShaped<8, kFp8, kSwiGlu>(a, blocks, warps, stages, stream);
  return LaunchShaped<16, kFp8, kSwiGlu>(a, blocks, warps, stages, stream);
}

}  // namespace

cudaError_t LaunchDecodeLinear(const Rows& x, const Matrix& w, const float* bias, bool swiglu,
                               const Rows& out, const DecodeScratch& scratch, int32_t sms,
                               const DecodeTuning& tuning, cudaStream_t stream) {
  constexpr int32_t kMostInput = 80 * 1024;  // bytes of x that a block keeps
  const bool shaped = x.rows >= 1 && x.rows <= kDecodeRows && out.rows == x.rows &&
                      x.cols == w.in && w.in % 16 == 0 && w.out == (swiglu ? 2 : 1) * out.cols;
  const bool aligned = x.stride % 4 == 0 && reinterpret_cast<uintptr_t>(x.data) % 16 == 0 &&
                       reinterpret_cast<uintptr_t>(w.data) % 16 == 0;
  if (!shaped || !aligned || sms < 1) return cudaErrorInvalidValue;
  const int32_t step = w.fp8 ? 128 : 64;
  const int32_t steps = (w.in + step - 1) / step;
  int32_t splits = tuning.splits;
  if (splits <= 0) splits = std::max(1, (x.rows * w.in * 2 + kMostInput - 1) / kMostInput);
  splits = std::min({splits, steps, sms});
  const int32_t slice = (steps + splits - 1) / splits * step;
  splits = (w.in + slice - 1) / slice;
  const int32_t groups = (out.cols + kTileRows - 1) / kTileRows;
  const int32_t tiles = swiglu ? 2 : 1;
  const int32_t kept_rows = x.rows == 1 ? 1 : x.rows <= 8 ? 8 : 16;
  if (splits > 1) {
    const size_t floats = static_cast<size_t>(groups) * static_cast<size_t>(splits) *
                          static_cast<size_t>(tiles * kept_rows * kTileRows);
    if (floats > scratch.partial_floats || groups > scratch.counter_count) {
      return cudaErrorInvalidValue;
    }
  }
  const Args a{.x = x.data,
               .w = static_cast<const uint8_t*>(w.data),
               .row_scale = w.row_scale,
               .bias = bias,
               .out = out.data,
               .partial = scratch.partial,
               .counters = scratch.counters,
               .x_stride = x.stride,
               .out_stride = out.stride,
               .rows = x.rows,
               .in = w.in,
               .outs = out.cols,
               .groups = groups,
               .splits = splits,
               .slice = slice,
               .prefetch_groups = tuning.prefetch_groups >= 0 ? tuning.prefetch_groups : 1,
               .x_f32 = x.type == Type::kF32,
               .out_f32 = out.type == Type::kF32};
  const int32_t blocks = std::min(groups, sms / splits) * splits;
  const int32_t warps = tuning.warps > 0 ? tuning.warps : 16;
  const int32_t stages = tuning.stages > 0 ? tuning.stages : 4;
  if (w.fp8) {
    return swiglu ? LaunchRows<true, true>(a, blocks, warps, stages, stream)
                  : LaunchRows<true, false>(a, blocks, warps, stages, stream);
  }
  return swiglu ? LaunchRows<false, true>(a, blocks, warps, stages, stream)
                : LaunchRows<false, false>(a, blocks, warps, stages, stream);
}

}  // namespace parley::kernels::cuda

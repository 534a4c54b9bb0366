// x as f16, each row times the power of two that brings its largest value to [2^14, 2^15): products with e4m3 weights, which
// f16 holds exactly, then need no bf16. A value keeps all its bits unless it is 2^28 times smaller than the row's largest;
// what is lost below is 2^-39 of the largest at most.
// SPDX-License-Identifier: Apache-2.0
#include <cuda_fp16.h>

#include <algorithm>

#include "kernels/cuda/device_inl.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/launch_inl.h"

namespace parley::kernels::cuda {
namespace {

constexpr int kMostThreads = 1024;
constexpr int kEights = kMostHalfCols / 8 / kMostThreads;  // a thread keeps in registers

__device__ inline float2 Pair(uint32_t two) {
  return {__uint_as_float(two << 16), __uint_as_float(two & 0xFFFF0000U)};
}
__device__ inline float Most(const uint4& v) {
  float most = 0.0F;
  for (const uint32_t two : {v.x, v.y, v.z, v.w}) {
    const float2 pair = Pair(two);
    most = fmaxf(most, fmaxf(fabsf(pair.x), fabsf(pair.y)));
  }
  return most;
}
__device__ inline uint32_t Half(uint32_t two, float up) {
  const float2 pair = Pair(two);
  const __half2 half = __floats2half2_rn(pair.x * up, pair.y * up);
  return *reinterpret_cast<const uint32_t*>(&half);
}

__global__ void __launch_bounds__(kMostThreads)
    HalfRowsKernel(const __nv_bfloat16* x, int64_t stride, int32_t cols, __half* half,
                   float* scale) {
  __shared__ float room[kMostThreads / kWarp];
  LetNextStart();
  const int row = static_cast<int>(blockIdx.x);
  const auto* from = reinterpret_cast<const uint4*>(x + row * stride);
  const int eights = cols / 8;
  auto* to = reinterpret_cast<uint4*>(half) + static_cast<int64_t>(row) * eights;
  const int threads = static_cast<int>(blockDim.x);
  WaitForPrevious();
  uint4 v[kEights];
  float most = 0.0F;
#pragma unroll
  for (int i = 0; i < kEights; ++i) {
    const int at = static_cast<int>(threadIdx.x) + i * threads;
    if (at >= eights) break;
    v[i] = from[at];
    most = fmaxf(most, Most(v[i]));
  }
  most = WarpMax(most);
  if (threadIdx.x % kWarp == 0) room[threadIdx.x / kWarp] = most;
  __syncthreads();
  for (int i = 0; i < threads / kWarp; ++i) most = fmaxf(most, room[i]);
  // Zeros and what is not finite stay as they are; tiny rows get the largest power that f32 has.
  const auto exponent = static_cast<int>(__float_as_uint(most) >> 23) - 127;
  const bool plain = most == 0.0F || exponent == 128;
  const int up = plain ? 0 : min(14 - exponent, 126);
  const float factor = __uint_as_float(static_cast<uint32_t>(up + 127) << 23);
  if (threadIdx.x == 0) scale[row] = __uint_as_float(static_cast<uint32_t>(127 - up) << 23);
#pragma unroll
  for (int i = 0; i < kEights; ++i) {
    const int at = static_cast<int>(threadIdx.x) + i * threads;
    if (at >= eights) break;
    to[at] = {Half(v[i].x, factor), Half(v[i].y, factor), Half(v[i].z, factor),
              Half(v[i].w, factor)};
  }
}

}  // namespace

cudaError_t LaunchHalfRows(const Rows& x, const Rows& half, float* scale, cudaStream_t stream) {
  const int eights = x.cols / 8;
  const bool shaped = x.rows >= 1 && x.cols % 8 == 0 && x.cols <= kMostHalfCols &&
                      x.type == Type::kBf16 && half.type == Type::kF16 && half.rows == x.rows &&
                      half.cols == x.cols && half.stride == x.cols;
  const bool aligned = x.stride % 8 == 0 && reinterpret_cast<uintptr_t>(x.data) % 16 == 0 &&
                       reinterpret_cast<uintptr_t>(half.data) % 16 == 0;
  if (!shaped || !aligned) return cudaErrorInvalidValue;
  const int threads = std::clamp((eights + kWarp - 1) / kWarp * kWarp, kWarp, kMostThreads);
  return LaunchDependent(HalfRowsKernel, dim3(static_cast<unsigned>(x.rows)),
                         dim3(static_cast<unsigned>(threads)), 0, stream,
                         static_cast<const __nv_bfloat16*>(x.data), x.stride, x.cols,
                         static_cast<__half*>(half.data), scale);
}

}  // namespace parley::kernels::cuda

// Making weights on the device: bf16 to e4m3 with one scale a row (the largest value of a row becomes 448), random values
// by a counter (equal to random_values.h on the host), and the count of values that are not finite.
// SPDX-License-Identifier: Apache-2.0
#include <cuda_fp8.h>

#include <algorithm>

#include "kernels/cuda/launch_inl.h"
#include "kernels/cuda/rows_inl.h"
#include "kernels/cuda/stored_order.h"
#include "kernels/random_values.h"

namespace parley::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr float kMostE4m3 = 448.0F;

__global__ void __launch_bounds__(kThreads)
    QuantiseKernel(const __nv_bfloat16* w, int32_t in, uint8_t* q, float* row_scale) {
  __shared__ float room[kThreads / kWarp];
  const int64_t row = blockIdx.x;
  const __nv_bfloat16* from = w + row * in;
  float most = 0.0F;
  for (int c = static_cast<int>(threadIdx.x); c < in; c += kThreads) {
    most = fmaxf(most, fabsf(ToF32(from[c])));
  }
  most = WarpMax(most);
  if (threadIdx.x % kWarp == 0) room[threadIdx.x / kWarp] = most;
  __syncthreads();
  for (float other : room) most = fmaxf(most, other);
  const float scale = most / kMostE4m3;
  const float inverse = most > 0.0F ? kMostE4m3 / most : 0.0F;
  for (int c = static_cast<int>(threadIdx.x); c < in; c += kThreads) {
    q[row * in + StoredPlace(c)] =
        __nv_cvt_float_to_fp8(ToF32(from[c]) * inverse, __NV_SATFINITE, __NV_E4M3);
  }
  if (threadIdx.x == 0) row_scale[row] = scale;
}

__global__ void __launch_bounds__(kThreads)
    WidenKernel(const uint8_t* q, const float* row_scale, int32_t in, __nv_bfloat16* to) {
  const int64_t row = blockIdx.x;
  const float scale = row_scale[row] * 0x1p120F;
  const auto widen = [&](uint32_t first, uint32_t second) {  // from the upper halves of words
    return PackBf16(__uint_as_float(first & 0xFFFF0000U) * scale,
                    __uint_as_float(second & 0xFFFF0000U) * scale);
  };
  for (int c = 16 * static_cast<int>(threadIdx.x); c < in; c += 16 * kThreads) {
    const uint4 codes = *reinterpret_cast<const uint4*>(q + row * in + c);
    uint32_t even[4];  // values 2 t and 2 t + 8
    uint32_t odd[4];   // 2 t + 1 and 2 t + 9
#pragma unroll
    for (int t = 0; t < 4; ++t) UnpackE4m3(Word(codes, t), even[t], odd[t]);
    const auto low = [&](int t) { return widen(even[t] << 16, odd[t] << 16); };
    const auto high = [&](int t) { return widen(even[t], odd[t]); };
    auto* out = reinterpret_cast<uint4*>(to + row * in + c);
    out[0] = {low(0), low(1), low(2), low(3)};
    out[1] = {high(0), high(1), high(2), high(3)};
  }
}

__global__ void __launch_bounds__(kThreads)
    RandomKernel(__nv_bfloat16* to, size_t count, int32_t in, int32_t row_stride, uint64_t seed,
                 uint64_t first, float scale) {
  const size_t step = static_cast<size_t>(gridDim.x) * kThreads;
  for (size_t i = static_cast<size_t>(blockIdx.x) * kThreads + threadIdx.x; i < count; i += step) {
    const uint64_t at = first + i / static_cast<size_t>(in) * static_cast<size_t>(row_stride) +
                        i % static_cast<size_t>(in);
    to[i] = __float2bfloat16_rn(RandomValue(seed, at) * scale);
  }
}

__global__ void __launch_bounds__(kThreads)
    CountKernel(const __nv_bfloat16* from, size_t count, unsigned long long* not_finite) {
  const size_t step = static_cast<size_t>(gridDim.x) * kThreads;
  unsigned long long mine = 0;
  for (size_t i = static_cast<size_t>(blockIdx.x) * kThreads + threadIdx.x; i < count; i += step) {
    if (!isfinite(ToF32(from[i]))) ++mine;
  }
  if (mine > 0) atomicAdd(not_finite, mine);
}

dim3 Blocks(size_t count) {
  return {static_cast<unsigned>(std::min<size_t>((count + kThreads - 1) / kThreads, 132 * 16))};
}

}  // namespace

cudaError_t LaunchQuantise(const void* bf16, int32_t out, int32_t in, uint8_t* e4m3,
                           float* row_scale, cudaStream_t stream) {
  if (out < 1 || in < 1 || in % 16 != 0) return cudaErrorInvalidValue;
  QuantiseKernel<<<static_cast<unsigned>(out), kThreads, 0, stream>>>(
      static_cast<const __nv_bfloat16*>(bf16), in, e4m3, row_scale);
  return cudaGetLastError();
}

cudaError_t LaunchWiden(const Matrix& e4m3, void* bf16, cudaStream_t stream) {
  if (!e4m3.fp8 || e4m3.out < 1 || e4m3.in % 16 != 0) return cudaErrorInvalidValue;
  WidenKernel<<<static_cast<unsigned>(e4m3.out), kThreads, 0, stream>>>(
      static_cast<const uint8_t*>(e4m3.data), e4m3.row_scale, e4m3.in,
      static_cast<__nv_bfloat16*>(bf16));
  return cudaGetLastError();
}

cudaError_t LaunchRandom(void* bf16, int32_t out, int32_t in, int32_t row_stride, uint64_t seed,
                         uint64_t first, float scale, cudaStream_t stream) {
  if (out < 1 || in < 1 || row_stride < in) return cudaErrorInvalidValue;
  const size_t count = static_cast<size_t>(out) * static_cast<size_t>(in);
  RandomKernel<<<Blocks(count), kThreads, 0, stream>>>(static_cast<__nv_bfloat16*>(bf16), count, in,
                                                       row_stride, seed, first, scale);
  return cudaGetLastError();
}

cudaError_t LaunchCount(const void* bf16, size_t count, unsigned long long* not_finite,
                        cudaStream_t stream) {
  if (count == 0) return cudaErrorInvalidValue;
  CountKernel<<<Blocks(count), kThreads, 0, stream>>>(static_cast<const __nv_bfloat16*>(bf16),
                                                      count, not_finite);
  return cudaGetLastError();
}

}  // namespace parley::kernels::cuda

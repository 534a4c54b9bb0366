// The norm of a row of n values, with the residual sum in front where there is one:
//   x += delta;  out = x / sqrt(mean(x^2) + eps) * weight
// A block a row. Rows of up to 4 * 4 * 1024 aligned values stay in registers between the sum and the result; others are
// read again.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/cuda/launch_inl.h"
#include "kernels/cuda/rows_inl.h"

namespace parley::kernels::cuda {
namespace {

constexpr int kMostThreads = 1024;
constexpr int kFours = 4;  // a thread holds in registers
constexpr int kManyRows = 128;

__global__ void __launch_bounds__(kMostThreads)
    RmsNormKernel(Rows x, Rows delta, const float* weight, float eps, Rows out) {
  __shared__ float room[33];
  LetNextStart();
  const int row = static_cast<int>(blockIdx.x);
  const int stride = 4 * static_cast<int>(blockDim.x);
  const int first = 4 * static_cast<int>(threadIdx.x);
  float4 w[kFours];
#pragma unroll
  for (int i = 0; i < kFours; ++i) {  // weights are nobody's output
    const int c = first + i * stride;
    w[i] = weight != nullptr && c < x.cols ? *reinterpret_cast<const float4*>(weight + c)
                                           : float4{1.0F, 1.0F, 1.0F, 1.0F};
  }
  WaitForPrevious();
  float4 v[kFours];
  float squares = 0.0F;
#pragma unroll
  for (int i = 0; i < kFours; ++i) {
    const int c = first + i * stride;
    if (c >= x.cols) break;
    v[i] = Load4(x, row, c);
    if (delta.data != nullptr) {
      const float4 d = Load4(delta, row, c);
      v[i] = {v[i].x + d.x, v[i].y + d.y, v[i].z + d.z, v[i].w + d.w};
      Store4(x, row, c, v[i]);
    }
    squares += v[i].x * v[i].x + v[i].y * v[i].y + v[i].z * v[i].z + v[i].w * v[i].w;
  }
  const float scale = rsqrtf(BlockSum(squares, room) / static_cast<float>(x.cols) + eps);
#pragma unroll
  for (int i = 0; i < kFours; ++i) {
    const int c = first + i * stride;
    if (c >= x.cols) break;
    Store4(out, row, c,
           {v[i].x * scale * w[i].x, v[i].y * scale * w[i].y, v[i].z * scale * w[i].z,
            v[i].w * scale * w[i].w});
  }
}

// Any alignment and width.
__global__ void __launch_bounds__(256)
    RmsNormPlainKernel(Rows x, Rows delta, const float* weight, float eps, Rows out) {
  __shared__ float room[33];
  LetNextStart();
  WaitForPrevious();
  const int row = static_cast<int>(blockIdx.x);
  float squares = 0.0F;
  for (int c = static_cast<int>(threadIdx.x); c < x.cols; c += static_cast<int>(blockDim.x)) {
    float v = Load(x, row, c);
    if (delta.data != nullptr) Store(x, row, c, v += Load(delta, row, c));
    squares += v * v;
  }
  const float scale = rsqrtf(BlockSum(squares, room) / static_cast<float>(x.cols) + eps);
  for (int c = static_cast<int>(threadIdx.x); c < x.cols; c += static_cast<int>(blockDim.x)) {
    Store(out, row, c, Load(x, row, c) * scale * (weight != nullptr ? weight[c] : 1.0F));
  }
}

}  // namespace

cudaError_t LaunchRmsNorm(const Rows& x, const Rows& delta, const float* weight, float eps,
                          const Rows& out, cudaStream_t stream) {
  if (x.rows < 1 || !SameShape(x, out) || (delta.data != nullptr && !SameShape(x, delta))) {
    return cudaErrorInvalidValue;
  }
  const dim3 grid(static_cast<unsigned>(x.rows));
  const int fours = x.cols / 4;
  if (InFours(x) && InFours(delta) && InFours(out) && InFours(weight) &&
      fours <= kFours * kMostThreads) {
    // Few values a thread where the time of one row is what a step pays; few threads a row where there are many.
    const int each = x.rows < kManyRows ? 1 : kFours;
    const int threads = std::clamp(((fours + each - 1) / each + 31) / 32 * 32, 32, kMostThreads);
    return LaunchDependent(RmsNormKernel, grid, dim3(static_cast<unsigned>(threads)), 0, stream, x,
                           delta, weight, eps, out);
  }
  return LaunchDependent(RmsNormPlainKernel, grid, dim3(256), 0, stream, x, delta, weight, eps,
                         out);
}

}  // namespace parley::kernels::cuda

// out = (x - mean) / sqrt(mean((x - mean)^2) + eps) * weight + bias, of every row. A warp a row where a row is at most 2,048
// aligned values, which stay in registers; else a block a row, which reads it three times.
// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/launch_inl.h"
#include "kernels/cuda/rows_inl.h"

namespace parley::kernels::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kFours = 16;  // a lane holds at most

__global__ void __launch_bounds__(kWarps* kWarp)
    LayerNormRowsKernel(Rows x, const float* weight, const float* bias, float eps, Rows out) {
  LetNextStart();
  WaitForPrevious();
  const int row = static_cast<int>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x) / kWarp;
  if (row >= x.rows) return;
  const int first = 4 * (static_cast<int>(threadIdx.x) % kWarp);
  float4 v[kFours];
  float sum = 0.0F;
#pragma unroll
  for (int i = 0; i < kFours; ++i) {
    const int c = first + i * 4 * kWarp;
    if (c >= x.cols) break;
    v[i] = Load4(x, row, c);
    sum += v[i].x + v[i].y + v[i].z + v[i].w;
  }
  const float mean = WarpSum(sum) / static_cast<float>(x.cols);
  float squares = 0.0F;
#pragma unroll
  for (int i = 0; i < kFours; ++i) {
    const int c = first + i * 4 * kWarp;
    if (c >= x.cols) break;
    v[i] = {v[i].x - mean, v[i].y - mean, v[i].z - mean, v[i].w - mean};
    squares += v[i].x * v[i].x + v[i].y * v[i].y + v[i].z * v[i].z + v[i].w * v[i].w;
  }
  const float scale = rsqrtf(WarpSum(squares) / static_cast<float>(x.cols) + eps);
#pragma unroll
  for (int i = 0; i < kFours; ++i) {
    const int c = first + i * 4 * kWarp;
    if (c >= x.cols) break;
    const float4 w = weight != nullptr ? *reinterpret_cast<const float4*>(weight + c)
                                       : float4{1.0F, 1.0F, 1.0F, 1.0F};
    const float4 b = bias != nullptr ? *reinterpret_cast<const float4*>(bias + c) : float4{};
    Store4(out, row, c,
           {v[i].x * scale * w.x + b.x, v[i].y * scale * w.y + b.y, v[i].z * scale * w.z + b.z,
            v[i].w * scale * w.w + b.w});
  }
}

// Any alignment and width.
__global__ void __launch_bounds__(256)
    LayerNormPlainKernel(Rows x, const float* weight, const float* bias, float eps, Rows out) {
  __shared__ float room[33];
  LetNextStart();
  WaitForPrevious();
  const int row = static_cast<int>(blockIdx.x);
  const int first = static_cast<int>(threadIdx.x);
  const int step = static_cast<int>(blockDim.x);
  float sum = 0.0F;
  for (int c = first; c < x.cols; c += step) sum += Load(x, row, c);
  const float mean = BlockSum(sum, room) / static_cast<float>(x.cols);
  float squares = 0.0F;
  for (int c = first; c < x.cols; c += step) {
    const float d = Load(x, row, c) - mean;
    squares += d * d;
  }
  const float scale = rsqrtf(BlockSum(squares, room) / static_cast<float>(x.cols) + eps);
  for (int c = first; c < x.cols; c += step) {
    const float w = weight != nullptr ? weight[c] : 1.0F;
    const float b = bias != nullptr ? bias[c] : 0.0F;
    Store(out, row, c, (Load(x, row, c) - mean) * scale * w + b);
  }
}

}  // namespace

cudaError_t LaunchLayerNorm(const Rows& x, const float* weight, const float* bias, float eps,
                            const Rows& out, cudaStream_t stream) {
  if (x.rows < 1 || !SameShape(x, out)) return cudaErrorInvalidValue;
  if (InFours(x) && InFours(out) && InFours(weight) && InFours(bias) &&
      x.cols <= 4 * kFours * kWarp) {
    const auto blocks = static_cast<unsigned>((x.rows + kWarps - 1) / kWarps);
    return LaunchDependent(LayerNormRowsKernel, dim3(blocks), dim3(kWarps * kWarp), 0, stream, x,
                           weight, bias, eps, out);
  }
  return LaunchDependent(LayerNormPlainKernel, dim3(static_cast<unsigned>(x.rows)), dim3(256), 0,
                         stream, x, weight, bias, eps, out);
}

}  // namespace parley::kernels::cuda

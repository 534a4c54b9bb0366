// out = (x - mean) / sqrt(mean((x - mean)^2) + eps) * weight + bias, of every row. A warp a row where a row is at most 2,048
// aligned values, which stay in registers; else a block a row, which reads it three times.
// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/launch_inl.h"
#include "kernels/cuda/rows_inl.h"

namespace parley::kernels::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kFewFours = 10;  // a lane holds: rows of 1,280
constexpr int kFours = 16;

template <int kHeld>
__global__ void __launch_bounds__(kWarps* kWarp)
    LayerNormRowsKernel(Rows x, const float* weight, const float* bias, float eps, Rows out) {
  LetNextStart();
  const int row = static_cast<int>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x) / kWarp;
  const int first = 4 * (static_cast<int>(threadIdx.x) % kWarp);
  const auto at = [&](int i) { return first + i * 4 * kWarp; };
  float4 w[kHeld];
  float4 b[kHeld];
#pragma unroll
  for (int i = 0; i < kHeld; ++i) {  // weights are nobody's output
    const bool there = at(i) < x.cols;
    w[i] = there && weight != nullptr ? *reinterpret_cast<const float4*>(weight + at(i))
                                      : float4{1.0F, 1.0F, 1.0F, 1.0F};
    b[i] = there && bias != nullptr ? *reinterpret_cast<const float4*>(bias + at(i)) : float4{};
  }
  WaitForPrevious();
  if (row >= x.rows) return;
  float4 v[kHeld];
#pragma unroll
  for (int i = 0; i < kHeld; ++i) v[i] = at(i) < x.cols ? Load4(x, row, at(i)) : float4{};
  float sum = 0.0F;
#pragma unroll
  for (int i = 0; i < kHeld; ++i) sum += (v[i].x + v[i].y) + (v[i].z + v[i].w);
  const float mean = WarpSum(sum) / static_cast<float>(x.cols);
  float squares = 0.0F;
#pragma unroll
  for (int i = 0; i < kHeld; ++i) {
    v[i] = {v[i].x - mean, v[i].y - mean, v[i].z - mean, v[i].w - mean};
    const float four = v[i].x * v[i].x + v[i].y * v[i].y + v[i].z * v[i].z + v[i].w * v[i].w;
    if (at(i) < x.cols) squares += four;
  }
  const float scale = rsqrtf(WarpSum(squares) / static_cast<float>(x.cols) + eps);
#pragma unroll
  for (int i = 0; i < kHeld; ++i) {
    if (at(i) >= x.cols) continue;
    Store4(out, row, at(i),
           {v[i].x * scale * w[i].x + b[i].x, v[i].y * scale * w[i].y + b[i].y,
            v[i].z * scale * w[i].z + b[i].z, v[i].w * scale * w[i].w + b[i].w});
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
    const auto kernel = x.cols <= 4 * kFewFours * kWarp ? LayerNormRowsKernel<kFewFours>
                                                        : LayerNormRowsKernel<kFours>;
    return LaunchDependent(kernel, dim3(blocks), dim3(kWarps * kWarp), 0, stream, x, weight, bias,
                           eps, out);
  }
  return LaunchDependent(LayerNormPlainKernel, dim3(static_cast<unsigned>(x.rows)), dim3(256), 0,
                         stream, x, weight, bias, eps, out);
}

}  // namespace parley::kernels::cuda

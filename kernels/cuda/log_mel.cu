// Log-mel features (features/log_mel.h): 16 frames a block. A window of 400 samples is folded at its middle, since the cosine
// is even and the sine odd there: 200 turns a bin instead of 400, a thread a bin, all frames at once. Then the filters, the
// logarithm, and, when the loudest value of the whole sound is known, the second kernel's floor. All in f32: bf16 would drown
// what is 80 dB below the loudest.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <numbers>

#include "kernels/cuda/launch_inl.h"
#include "kernels/cuda/rows_inl.h"

namespace parley::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWindow = 2 * kMelTurns;
constexpr int kFrames = 16;  // of a block
constexpr int kRoom =
    kFrames + 4;  // a row of them in shared memory: 16-byte aligned, not all in one bank
constexpr int kHalf = kFrames / 2;
constexpr float kLeastPower = 1e-10F;
constexpr float kRange = 8.0F;  // decades
static_assert(kMelBins <= kThreads);

// The ends are not repeated; bounces as often as a short sound needs.
__device__ inline int Reflect(int i, int length) {
  if (length == 1) return 0;
  const int period = 2 * (length - 1);
  i = abs(i) % period;
  return i < length ? i : period - i;
}

// Floats as unsigned numbers of the same order; 0 is below all of them.
__device__ inline uint32_t Ordered(float v) {
  const uint32_t bits = __float_as_uint(v);
  return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}
__device__ inline float FromOrdered(uint32_t order) {
  return __uint_as_float((order & 0x80000000U) != 0 ? order & 0x7FFFFFFFU : ~order);
}

__global__ void __launch_bounds__(kThreads)
    LogMelKernel(const float* sound, int32_t samples, const float2* basis, const float* filters,
                 Rows out, uint32_t* loudest) {
  __shared__ __align__(16) float even[kMelTurns][kRoom];
  __shared__ __align__(16) float odd[kMelTurns][kRoom];
  LetNextStart();
  WaitForPrevious();
  const int first = static_cast<int>(blockIdx.x) * kFrames;
  const int thread = static_cast<int>(threadIdx.x);
  const int length = out.rows * kMelHop;
  const auto sample = [&](int i) {
    if (i < 0 || i >= length) i = Reflect(i, length);
    return i < samples ? sound[i] : 0.0F;
  };
  for (int i = thread; i < kMelTurns * kFrames; i += kThreads) {
    const int turn = i % kMelTurns + 1;
    const int frame = i / kMelTurns;
    const int begin = (first + frame) * kMelHop - kMelTurns;
    const bool there = first + frame < out.rows;
    const float early = there ? sample(begin + turn) : 0.0F;
    const float late = there ? sample(begin + kWindow - turn) : 0.0F;
    even[turn - 1][frame] = early + late;
    odd[turn - 1][frame] = early - late;
  }
  __syncthreads();

  float re[kFrames];
  float im[kFrames];
#pragma unroll
  for (int f = 0; f < kFrames; ++f) re[f] = im[f] = 0.0F;
  if (thread < kMelBins) {
#pragma unroll 4
    for (int n = 0; n < kMelTurns; ++n) {
      const float2 b = basis[n * kMelBins + thread];
#pragma unroll
      for (int f = 0; f < kFrames; f += 4) {
        const float4 e = *reinterpret_cast<const float4*>(&even[n][f]);
        const float4 o = *reinterpret_cast<const float4*>(&odd[n][f]);
        re[f] += b.x * e.x, re[f + 1] += b.x * e.y, re[f + 2] += b.x * e.z, re[f + 3] += b.x * e.w;
        im[f] += b.y * o.x, im[f + 1] += b.y * o.y, im[f + 2] += b.y * o.z, im[f + 3] += b.y * o.w;
      }
    }
  }
  __syncthreads();  // the folded windows are read: power takes their place
  auto& power = reinterpret_cast<float(&)[kMelBins][kRoom]>(even);
  static_assert(sizeof(power) <= sizeof(even) + sizeof(odd));
  if (thread < kMelBins) {
#pragma unroll
    for (int f = 0; f < kFrames; ++f) power[thread][f] = re[f] * re[f] + im[f] * im[f];
  }
  __syncthreads();

  float most = -INFINITY;
  for (int i = thread; i < 2 * out.cols; i += kThreads) {
    const int mel = i % out.cols;
    const int half = i / out.cols * kHalf;
    float sum[kHalf] = {};
    for (int k = 0; k < kMelBins; ++k) {
      const float weight = filters[k * out.cols + mel];
      if (weight == 0.0F) continue;
#pragma unroll
      for (int f = 0; f < kHalf; ++f) sum[f] += weight * power[k][half + f];
    }
#pragma unroll
    for (int f = 0; f < kHalf; ++f) {
      const int row = first + half + f;
      if (row >= out.rows) break;
      const float value = log10f(fmaxf(sum[f], kLeastPower));
      Store(out, row, mel, value);
      most = fmaxf(most, value);
    }
  }
  most = WarpMax(most);
  if (thread % kWarp == 0) atomicMax(loudest, Ordered(most));
}

__global__ void __launch_bounds__(kThreads) FloorKernel(Rows out, const uint32_t* loudest) {
  LetNextStart();
  WaitForPrevious();
  const float floor = FromOrdered(*loudest) - kRange;
  const int64_t count = static_cast<int64_t>(out.rows) * out.cols;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += static_cast<int64_t>(gridDim.x) * kThreads) {
    const int64_t row = i / out.cols;
    const auto col = static_cast<int32_t>(i - row * out.cols);
    Store(out, row, col, (fmaxf(Load(out, row, col), floor) + 4.0F) * 0.25F);
  }
}

}  // namespace

void FillMelBasis(float2* basis) {
  for (int n = 0; n < kMelTurns; ++n) {
    const int turn = n + 1;
    const double hann = 0.5 - 0.5 * std::cos(2.0 * std::numbers::pi * turn / kWindow);
    const double weight = turn == kMelTurns ? 0.5 * hann : hann;  // the middle is its own pair
    for (int k = 0; k < kMelBins; ++k) {
      const double angle = 2.0 * std::numbers::pi * (k * turn % kWindow) / kWindow;
      basis[n * kMelBins + k] = {static_cast<float>(weight * std::cos(angle)),
                                 static_cast<float>(weight * std::sin(angle))};
    }
  }
}

cudaError_t LaunchLogMel(const float* sound, int32_t samples, const float2* basis,
                         const float* filters, const Rows& out, uint32_t* loudest,
                         cudaStream_t stream) {
  if (out.rows < 1 || out.rows > INT32_MAX / kMelHop - kWindow || out.type != Type::kF32) {
    return cudaErrorInvalidValue;
  }
  cudaError_t done = cudaMemsetAsync(loudest, 0, sizeof(*loudest), stream);
  if (done != cudaSuccess) return done;
  const int blocks = (out.rows + kFrames - 1) / kFrames;
  done = LaunchDependent(LogMelKernel, dim3(static_cast<unsigned>(blocks)), dim3(kThreads), 0,
                         stream, sound, samples, basis, filters, out, loudest);
  if (done != cudaSuccess) return done;
  return LaunchDependent(FloorKernel, dim3(static_cast<unsigned>(blocks)), dim3(kThreads), 0,
                         stream, out, loudest);
}

}  // namespace parley::kernels::cuda

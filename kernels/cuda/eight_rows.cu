// out[r, o] = scale[o] * sum_k x[r, k] w[o, k] + bias[o] for 1 to 8 rows r and e4m3 weights: as fast as w can be read.
//
// One thread of a block keeps the copy engine busy with boxes of 128 bytes of some weight rows, and the values of x that go with
// them, into a ring of all the shared memory there is; six warps take what has come in turn, each a box as a whole. A warp makes the
// rows of x f16 in its registers, each by a power of two of its own, and the weights by the hardware's own conversion, exactly, and
// multiplies by the products of a warp: the 8 columns of one are the rows of x. Before it waits for its predecessor a block starts
// the weights of its ring: the memory is not idle while norms and attention run. Every block takes the same number of weight rows,
// so that all end together.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/cuda/eight_rows_inl.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/launch_inl.h"
#include "kernels/cuda/tensor_map.h"

namespace parley::kernels::cuda {
namespace {

// With half of it the next product's blocks would find room beside: a step of one row then took a ninth more on an H200. Products one
// behind the other took as long; where attention leaves multiprocessors free, two blocks of one product seem to share them.
constexpr int kMostShared = 224 * 1024;
constexpr int kMostSlices = 7;

template <bool kSwiGlu, int kSlices = 1>
cudaError_t LaunchSlices(const EightArgs& a, size_t shared, int blocks, cudaStream_t stream) {
  if constexpr (kSlices > kMostSlices) {
    return cudaErrorInvalidValue;
  } else {
    if (EightShape<kSwiGlu>::Slices(a.outputs) != kSlices) {
      return LaunchSlices<kSwiGlu, kSlices + 1>(a, shared, blocks, stream);
    }
    const auto kernel = EightRowsKernel<kSwiGlu, kSlices>;
    const cudaError_t raised = cudaFuncSetAttribute(  // of this device: nothing is remembered here
        kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared));
    if (raised != cudaSuccess) return raised;
    return LaunchDependent(kernel, dim3(static_cast<unsigned>(blocks)),
                           dim3(EightShape<kSwiGlu>::kThreads), shared, stream, a);
  }
}

template <bool kSwiGlu>
cudaError_t LaunchShape(EightArgs a, const Rows& x, const Matrix& w, int32_t sms,
                        cudaStream_t stream) {
  using S = EightShape<kSwiGlu>;
  size_t shared = 0;
  for (int passes = 1;; ++passes) {  // as few as there is room for
    a.outputs = (a.outs + passes * sms - 1) / (passes * sms);
    if (S::Slices(a.outputs) > kMostSlices) continue;
    a.pitch = (S::Slices(a.outputs) * kSliceRows + 31) / 32 * 32 + 4;
    const int beyond = kTileAlign + kMultipliers * a.rows * a.pitch * 4;
    const int stage = S::StageBytes(a.outputs);
    a.stages = std::min((kMostShared - beyond) / stage, kMostSlots) / kMultipliers * kMultipliers;
    shared = static_cast<size_t>(beyond + a.stages * stage);
    if (a.stages > 0) break;
  }
  a.lines = (w.in + kTileRowBytes - 1) / kTileRowBytes;
  a.lumps = (a.outs + a.outputs - 1) / a.outputs;
  cudaError_t made = MapMatrix(w, a.outputs, &a.w);
  if (made == cudaSuccess) made = MapRows(x, x.rows, &a.x);
  if (made != cudaSuccess) return made;
  return LaunchSlices<kSwiGlu>(a, shared, std::min(a.lumps, sms), stream);
}

}  // namespace

cudaError_t LaunchEightRows(const Rows& x, const Matrix& w, const float* bias, bool swiglu,
                            const Rows& out, int32_t sms, cudaStream_t stream) {
  const bool shaped = x.rows >= 1 && x.rows <= 8 && out.rows == x.rows && x.cols == w.in &&
                      w.in % 16 == 0 && w.out == (swiglu ? 2 : 1) * out.cols &&
                      x.type == Type::kBf16 && w.fp8;
  const bool aligned = x.stride % 8 == 0 && reinterpret_cast<uintptr_t>(x.data) % 16 == 0 &&
                       reinterpret_cast<uintptr_t>(w.data) % 16 == 0;
  if (!shaped || !aligned || sms < 1) return cudaErrorInvalidValue;
  EightArgs a{};
  a.row_scale = w.row_scale;
  a.bias = bias;
  a.out = out.data;
  a.out_stride = out.stride;
  a.rows = x.rows;
  a.outs = out.cols;
  a.out_f32 = out.type == Type::kF32;
  return swiglu ? LaunchShape<true>(a, x, w, sms, stream)
                : LaunchShape<false>(a, x, w, sms, stream);
}

}  // namespace parley::kernels::cuda

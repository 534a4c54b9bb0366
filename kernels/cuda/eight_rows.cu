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

namespace parley::kernels::cuda {
namespace {

// With half of it the next product's blocks would find room beside: a step of one row then took a ninth more on an H200. Products one
// behind the other took as long; where attention leaves multiprocessors free, two blocks of one product seem to share them.
constexpr int kMostShared = 224 * 1024;
constexpr int kMostSlices = 7;

template <bool kSwiGlu, int kSlices = 1>
cudaError_t LaunchSlices(const RingArgs& a, size_t shared, int blocks, cudaStream_t stream) {
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
cudaError_t LaunchShape(RingArgs a, const Rows& x, const Matrix& w, int32_t sms,
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
  const cudaError_t made = MapOperands(x, w, a);
  if (made != cudaSuccess) return made;
  return LaunchSlices<kSwiGlu>(a, shared, std::min(a.lumps, sms), stream);
}

}  // namespace

cudaError_t LaunchEightRows(const Rows& x, const Matrix& w, const float* bias, bool swiglu,
                            const Rows& out, int32_t sms, cudaStream_t stream) {
  RingArgs a{};
  if (!w.fp8 || sms < 1 || !TakeOperands(x, w, bias, swiglu, out, kEightRows, a)) {
    return cudaErrorInvalidValue;
  }
  return swiglu ? LaunchShape<true>(a, x, w, sms, stream)
                : LaunchShape<false>(a, x, w, sms, stream);
}

}  // namespace parley::kernels::cuda

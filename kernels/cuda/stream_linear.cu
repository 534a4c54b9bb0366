// out[r, o] = scale[o] * sum_k x[r, k] w[o, k] + bias[o] for 1 to 64 rows r: as fast as w can be read.
//
// The weights are the tall operand of a warpgroup's product and x the narrow one. One thread of a block keeps the copy engine busy
// with boxes of 128 bytes of a few hundred weight rows, and the rows of x that go with them, into a ring of all the shared memory
// there is; four warpgroups multiply what has come. Before it waits for its predecessor a block starts the weights of its ring: the
// memory is not idle while norms and attention run. Every block takes the same number of weight rows, so that all end together;
// where these are so few that x would be read about as often as weights, blocks take more of them and share out the inner
// dimension: whichever comes last adds up their sums, in their order.
//
// bf16 weights are multiplied from shared memory. e4m3 weights pass through registers, where the hardware's own conversion makes
// them f16, exactly; their order inside 16 values of a row (stored_order.h) is the one in which lanes want them. x is f16 then too: a
// warp turns every stage's rows of x over where they stand, each row by a power of two of its own. Of up to 8 rows eight_rows.cu is
// faster, and the backend asks it.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>

#include "kernels/cuda/launch.h"
#include "kernels/cuda/launch_inl.h"
#include "kernels/cuda/stream_linear_inl.h"

namespace parley::kernels::cuda {
namespace {

constexpr int kMostShared = 222 * 1024;  // and 5 KiB of barriers and powers
constexpr int kBeyond = 8 * 1024;        // the last tile of a stage may be read as if it were whole

// How a product is shared out.
struct Way {
  bool share;  // StreamShape::kShare
  int split;
};

template <int kRows, bool kFp8, bool kSwiGlu, bool kShare>
cudaError_t LaunchShape(StreamArgs a, const Rows& x, const Matrix& w, const PartScratch& scratch,
                        int32_t sms, cudaStream_t stream) {
  using S = StreamShape<kRows, kFp8, kSwiGlu, kShare>;
  const int at_once = sms / a.split;
  const int passes = (a.outs + S::kMostOutputs * at_once - 1) / (S::kMostOutputs * at_once);
  a.outputs = (a.outs + passes * at_once - 1) / (passes * at_once);
  a.lumps = (a.outs + a.outputs - 1) / a.outputs;
  const int lines = (w.in * (kFp8 ? 1 : 2) + kTileRowBytes - 1) / kTileRowBytes;
  a.lines = (lines + a.split - 1) / a.split;
  a.pitch = (a.outputs + 31) / 32 * 32 + 4;
  const int sums = kShare ? kGroups * S::kRegions * a.rows * a.pitch * 4 : 0;
  const size_t partial = static_cast<size_t>(a.split) * S::kRegions * static_cast<size_t>(a.rows) *
                         static_cast<size_t>(a.pitch) * static_cast<size_t>(a.lumps);
  if (a.split > 1 && (partial > scratch.partial_floats || a.lumps > scratch.counter_count)) {
    return cudaErrorInvalidValue;
  }
  a.partial = scratch.partial;
  a.counters = scratch.counters;
  const int stage = S::StageBytes(a.outputs);
  a.stages = std::min(kMostStages, (kMostShared - kTileAlign - std::max(sums, kBeyond)) / stage);
  // A slot is one warpgroup's for good, and one halving warp's: nobody waits for a phase but the next.
  if (kShare) a.stages = a.stages / kGroups * kGroups;
  if (a.stages < 2) return cudaErrorInvalidValue;
  const size_t shared =
      static_cast<size_t>(kTileAlign + a.stages * stage + std::max(sums, kBeyond));
  const cudaError_t made = MapOperands(x, w, a);
  if (made != cudaSuccess) return made;
  const auto kernel = StreamLinearKernel<kRows, kFp8, kSwiGlu, kShare>;
  const cudaError_t raised = cudaFuncSetAttribute(  // of this device: nothing is remembered here
      kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared));
  if (raised != cudaSuccess) return raised;
  const int blocks = std::min(a.lumps, at_once) * a.split;
  return LaunchDependent(kernel, dim3(static_cast<unsigned>(blocks)), dim3(S::kThreads), shared,
                         stream, a);
}

constexpr Way kPlain[] = {{true, 1}, {false, 1}, {false, 2}, {false, 3}, {false, 4}, {false, 6}};
constexpr Way kSwiGlu[] = {{false, 1}, {false, 2}};

// Of those tried at R1's shapes on an H200 with 32 rows (us, e4m3 but for the last line):
//   q, k and v: shared 44, in four 37; attention's output: shared 43, in four 32
//   down: shared 216, in four 123, in six 101
//   bf16: shared 20, 17 and 77, in four 30, 21 and 78
int ChosenWay(const StreamArgs& a, const Matrix& w, bool swiglu, int32_t sms) {
  constexpr int kShared = 0;
  constexpr int kWhole = 1;
  constexpr int kInFour = 4;
  constexpr int kInSix = 5;
  constexpr int32_t kDeep = 16384;
  if (swiglu) return 0;
  if (a.outs > 2 * kGroupRows * sms) return kWhole;
  if (!w.fp8) return kShared;
  return w.in > kDeep ? kInSix : kInFour;
}

template <int kRows, bool kFp8>
cudaError_t LaunchRows(const StreamArgs& args, const Rows& x, const Matrix& w, bool swiglu,
                       int form, const PartScratch& scratch, int32_t sms, cudaStream_t stream) {
  StreamArgs a = args;
  if (form < 0) form = ChosenWay(a, w, swiglu, sms);
  if (form >= static_cast<int>(swiglu ? std::size(kSwiGlu) : std::size(kPlain))) {
    return cudaErrorInvalidValue;
  }
  const Way way = swiglu ? kSwiGlu[form] : kPlain[form];
  a.split = way.split;
  if (swiglu) return LaunchShape<kRows, kFp8, true, false>(a, x, w, scratch, sms, stream);
  return way.share ? LaunchShape<kRows, kFp8, false, true>(a, x, w, scratch, sms, stream)
                   : LaunchShape<kRows, kFp8, false, false>(a, x, w, scratch, sms, stream);
}

}  // namespace

cudaError_t LaunchStreamLinear(const Rows& x, const Matrix& w, const float* bias, bool swiglu,
                               const Rows& out, const PartScratch& scratch, int32_t sms,
                               int32_t form, cudaStream_t stream) {
  StreamArgs a{};
  if (sms < 16 || !TakeOperands(x, w, bias, swiglu, out, StreamRows(w.fp8), a)) {
    return cudaErrorInvalidValue;
  }
  if (x.rows <= 16) {
    return w.fp8 ? LaunchRows<16, true>(a, x, w, swiglu, form, scratch, sms, stream)
                 : LaunchRows<16, false>(a, x, w, swiglu, form, scratch, sms, stream);
  }
  if (x.rows <= 32) {
    return w.fp8 ? LaunchRows<32, true>(a, x, w, swiglu, form, scratch, sms, stream)
                 : LaunchRows<32, false>(a, x, w, swiglu, form, scratch, sms, stream);
  }
  return LaunchRows<64, false>(a, x, w, swiglu, form, scratch, sms, stream);
}

}  // namespace parley::kernels::cuda

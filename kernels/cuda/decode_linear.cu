// out[r, o] = scale[o] * sum_k x[r, k] w[o, k] + bias[o] for 1 to 32 rows r: as fast as w can be read.
//
// A block, or two that share out the inner dimension, takes `kTiles` tiles of 8 weight rows at a time (with SwiGLU, gates and
// their ups by turns) through the whole inner dimension, in steps of 128 bytes a row that its warps take in turn; the rows
// of x come along. So that x is read once for many weight rows, the number of tiles is chosen to give every multiprocessor
// one block's worth of work. A lane copies asynchronously exactly the 16 bytes that it will multiply: its ring of copies in
// shared memory needs no barrier, and runs on into the next tiles. One tensor-core product takes two tiles of weights as its
// 16 rows and 8 rows of x as its columns; the order of k inside a product is free as long as both sides agree, which makes
// every load 16 bytes wide. Before it waits for its predecessor a block starts the weights of its ring: the memory is not
// idle while norms and attention run.
//
// fp8 weights become f16 by the hardware's own conversion, exactly; x is f16 then (half_rows.cu).
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <type_traits>

#include "kernels/cuda/decode_linear_inl.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/launch_inl.h"

namespace parley::kernels::cuda {
namespace {

// How a block is made: so many tiles, warps, and blocks that share out the inner dimension.
template <int kTiles_, int kWarps_, int kSplit_>
struct Form {
  static constexpr int kTiles = kTiles_;
  static constexpr int kWarps = kWarps_;
  static constexpr int kSplit = kSplit_;
};
template <class... F>
struct Forms {};

int Lumps(int32_t outs, bool swiglu, int tiles) {
  const int outputs = (swiglu ? tiles / 2 : tiles) * kTileRows;
  return (outs + outputs - 1) / outputs;
}

template <int kRows, bool kFp8, bool kSwiGlu, class F>
cudaError_t LaunchForm(DecodeArgs a, int sms, cudaStream_t stream) {
  constexpr size_t kShared = Block<kRows, kFp8, F::kTiles, F::kWarps>::kShared;
  a.lumps = Lumps(a.outs, kSwiGlu, F::kTiles);
  const auto kernel = DecodeLinearKernel<kRows, kFp8, kSwiGlu, F::kTiles, F::kWarps, F::kSplit>;
  const cudaError_t raised = cudaFuncSetAttribute(  // of this device: nothing is remembered here
      kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(kShared));
  if (raised != cudaSuccess) return raised;
  const int blocks = std::min(a.lumps, sms / F::kSplit) * F::kSplit;
  return LaunchDependentClusters(kernel, dim3(static_cast<unsigned>(blocks)),
                                 dim3(F::kWarps * kWarp), kShared, stream, F::kSplit, a);
}

// What the busiest multiprocessor has to do, in tiles: weights, rows of x (`x_tiles`: as many bytes as so many tiles), and the
// end of every lump, which costs about one more.
double Work(int lumps, int tiles, int split, double x_tiles, int sms) {
  const int at_once = sms / split;
  const int each = (lumps + at_once - 1) / at_once;
  return each * ((tiles + x_tiles) / split + 1.0);
}

// Form number `form`, or the one with the least work; the first of equals.
template <int kRows, bool kFp8, bool kSwiGlu, class... F>
cudaError_t LaunchOf(Forms<F...>, const DecodeArgs& a, int form, int sms, cudaStream_t stream) {
  if (form < 0) {
    const double x_tiles = static_cast<double>(a.rows) / kTileRows * (kFp8 ? 2 : 1);
    double least = 0.0;
    int i = 0;
    const auto consider = [&](int tiles, int split) {
      const double work = Work(Lumps(a.outs, kSwiGlu, tiles), tiles, split, x_tiles, sms);
      if (form < 0 || work < least) {
        form = i;
        least = work;
      }
      ++i;
    };
    (consider(F::kTiles, F::kSplit), ...);
  }
  cudaError_t result = cudaErrorInvalidValue;
  int i = 0;
  ((i++ == form ? static_cast<void>(result = LaunchForm<kRows, kFp8, kSwiGlu, F>(a, sms, stream))
                : static_cast<void>(0)),
   ...);
  return result;
}

// Of those tried at R1's shapes on an H200. For fp8, x is many bytes beside the weights, and is read by every block: two blocks
// that share out the inner dimension read half of it each (o, 8 rows: 11.6 us instead of 15.7; down: 44.6 instead of 65), and 18
// tiles at a time read it a third as often as 6 (gate and up, 8 rows: 82 us instead of 117). In bf16 both cost more than they
// save, but for the output head, whose rows are many: 14 tiles at a time need 399 us instead of 434. Four warps do as well as
// eight, and leave room for a longer ring.
struct WaysBf16 {
  using Plain = Forms<Form<5, 8, 1>, Form<7, 4, 1>, Form<4, 8, 1>, Form<14, 4, 1>>;
  using SwiGlu = Forms<Form<6, 8, 1>, Form<4, 8, 1>>;
};
struct WaysFp8 {
  using Plain = Forms<Form<14, 4, 2>, Form<10, 4, 2>, Form<7, 4, 2>, Form<5, 4, 1>, Form<14, 4, 1>>;
  using SwiGlu = Forms<Form<14, 4, 1>, Form<6, 4, 1>, Form<18, 4, 1>>;
};
struct WaysOf32Rows {  // the sums of 32 rows leave less room
  using Plain = Forms<Form<10, 4, 2>, Form<7, 4, 1>, Form<5, 4, 1>>;
  using SwiGlu = Forms<Form<10, 4, 1>, Form<6, 4, 1>>;
};
template <int kRows, bool kFp8>
using Ways =
    std::conditional_t<kRows == 32, WaysOf32Rows, std::conditional_t<kFp8, WaysFp8, WaysBf16>>;

template <int kRows, bool kFp8>
cudaError_t LaunchRows(const DecodeArgs& a, bool swiglu, int form, int sms, cudaStream_t stream) {
  return swiglu ? LaunchOf<kRows, kFp8, true>(typename Ways<kRows, kFp8>::SwiGlu(), a, form, sms,
                                              stream)
                : LaunchOf<kRows, kFp8, false>(typename Ways<kRows, kFp8>::Plain(), a, form, sms,
                                               stream);
}

}  // namespace

cudaError_t LaunchDecodeLinear(const Rows& x, const float* x_scale, const Matrix& w,
                               const float* bias, bool swiglu, const Rows& out, int32_t sms,
                               int32_t form, cudaStream_t stream) {
  const bool shaped = x.rows >= 1 && x.rows <= kDecodeRows && out.rows == x.rows &&
                      x.cols == w.in && w.in % 16 == 0 && w.out == (swiglu ? 2 : 1) * out.cols &&
                      x.type == (w.fp8 ? Type::kF16 : Type::kBf16) && (x_scale != nullptr) == w.fp8;
  const bool aligned = x.stride % 8 == 0 && reinterpret_cast<uintptr_t>(x.data) % 16 == 0 &&
                       reinterpret_cast<uintptr_t>(w.data) % 16 == 0;
  if (!shaped || !aligned || sms < 2) return cudaErrorInvalidValue;
  const DecodeArgs a{.x = static_cast<const uint8_t*>(x.data),
                     .x_scale = x_scale,
                     .w = static_cast<const uint8_t*>(w.data),
                     .row_scale = w.row_scale,
                     .bias = bias,
                     .out = out.data,
                     .x_bytes = x.stride * 2,
                     .out_stride = out.stride,
                     .up_bytes = static_cast<int64_t>(out.cols) * w.in * (w.fp8 ? 1 : 2),
                     .rows = x.rows,
                     .in = w.in,
                     .outs = out.cols,
                     .lumps = 0,
                     .out_f32 = out.type == Type::kF32};
  if (x.rows <= 8) {
    return w.fp8 ? LaunchRows<8, true>(a, swiglu, form, sms, stream)
                 : LaunchRows<8, false>(a, swiglu, form, sms, stream);
  }
  if (x.rows <= 16) {
    return w.fp8 ? LaunchRows<16, true>(a, swiglu, form, sms, stream)
                 : LaunchRows<16, false>(a, swiglu, form, sms, stream);
  }
  return w.fp8 ? LaunchRows<32, true>(a, swiglu, form, sms, stream)
               : LaunchRows<32, false>(a, swiglu, form, sms, stream);
}

}  // namespace parley::kernels::cuda

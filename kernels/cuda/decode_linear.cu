// out[r, o] = sum_k x[r, k] w[o, k] + bias[o] for 1 to 16 rows r in bf16: as fast as w can be read. More rows are stream_linear.cu's,
// e4m3 weights its and eight_rows.cu's.
//
// A block takes `kTiles` tiles of 8 weight rows at a time (with SwiGLU, gates and their ups by turns) through the whole inner
// dimension, in steps of 128 bytes a row that its warps take in turn; the rows of x come along. So that x is read once for many
// weight rows, the number of tiles is chosen to give every multiprocessor one block's worth of work. A lane copies
// asynchronously exactly the 16 bytes that it will multiply: its ring of copies in shared memory needs no barrier, and runs on
// into the next tiles. One tensor-core product takes two tiles of weights as its 16 rows and 8 rows of x as its columns; the
// order of k inside a product is free as long as both sides agree, which makes every load 16 bytes wide. Before it waits for its
// predecessor a block starts the weights of its ring: the memory is not idle while norms and attention run.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/cuda/decode_linear_inl.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/launch_inl.h"

namespace parley::kernels::cuda {
namespace {

// How a block is made: so many tiles and warps.
template <int kTiles_, int kWarps_>
struct Form {
  static constexpr int kTiles = kTiles_;
  static constexpr int kWarps = kWarps_;
};
template <class... F>
struct Forms {};

int Lumps(int32_t outs, bool swiglu, int tiles) {
  const int outputs = (swiglu ? tiles / 2 : tiles) * kTileRows;
  return (outs + outputs - 1) / outputs;
}

template <int kRows, bool kSwiGlu, class F>
cudaError_t LaunchForm(DecodeArgs a, int sms, cudaStream_t stream) {
  constexpr size_t kShared = Block<kRows, F::kTiles, F::kWarps>::kShared;
  a.lumps = Lumps(a.outs, kSwiGlu, F::kTiles);
  const auto kernel = DecodeLinearKernel<kRows, kSwiGlu, F::kTiles, F::kWarps>;
  const cudaError_t raised = cudaFuncSetAttribute(  // of this device: nothing is remembered here
      kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(kShared));
  if (raised != cudaSuccess) return raised;
  return LaunchDependent(kernel, dim3(static_cast<unsigned>(std::min(a.lumps, sms))),
                         dim3(F::kWarps * kWarp), kShared, stream, a);
}

// What the busiest multiprocessor has to do, in tiles: weights, rows of x (`x_tiles`: as many bytes as so many tiles), and the
// end of every lump, which costs about one more.
double Work(int lumps, int tiles, double x_tiles, int sms) {
  const int each = (lumps + sms - 1) / sms;
  return each * (tiles + x_tiles + 1.0);
}

// Form number `form`, or the one with the least work; the first of equals.
template <int kRows, bool kSwiGlu, class... F>
cudaError_t LaunchOf(Forms<F...>, const DecodeArgs& a, int form, int sms, cudaStream_t stream) {
  if (form < 0) {
    const double x_tiles = static_cast<double>(a.rows) / kTileRows;
    double least = 0.0;
    int i = 0;
    const auto consider = [&](int tiles) {
      const double work = Work(Lumps(a.outs, kSwiGlu, tiles), tiles, x_tiles, sms);
      if (form < 0 || work < least) {
        form = i;
        least = work;
      }
      ++i;
    };
    (consider(F::kTiles), ...);
  }
  cudaError_t result = cudaErrorInvalidValue;
  int i = 0;
  ((i++ == form ? static_cast<void>(result = LaunchForm<kRows, kSwiGlu, F>(a, sms, stream))
                : static_cast<void>(0)),
   ...);
  return result;
}

// Of those tried at R1's shapes on an H200. 14 tiles at a time are for the output head, whose rows are many: 399 us instead of 434.
using Plain = Forms<Form<5, 8>, Form<7, 4>, Form<4, 8>, Form<14, 4>>;
using SwiGlu = Forms<Form<6, 8>, Form<4, 8>>;

template <int kRows>
cudaError_t LaunchRows(const DecodeArgs& a, bool swiglu, int form, int sms, cudaStream_t stream) {
  return swiglu ? LaunchOf<kRows, true>(SwiGlu(), a, form, sms, stream)
                : LaunchOf<kRows, false>(Plain(), a, form, sms, stream);
}

}  // namespace

cudaError_t LaunchDecodeLinear(const Rows& x, const Matrix& w, const float* bias, bool swiglu,
                               const Rows& out, int32_t sms, int32_t form, cudaStream_t stream) {
  const bool shaped = x.rows >= 1 && x.rows <= kDecodeRows && out.rows == x.rows &&
                      x.cols == w.in && w.in % 16 == 0 && w.out == (swiglu ? 2 : 1) * out.cols &&
                      x.type == Type::kBf16 && !w.fp8;
  const bool aligned = x.stride % 8 == 0 && reinterpret_cast<uintptr_t>(x.data) % 16 == 0 &&
                       reinterpret_cast<uintptr_t>(w.data) % 16 == 0;
  if (!shaped || !aligned || sms < 1) return cudaErrorInvalidValue;
  const DecodeArgs a{.x = static_cast<const uint8_t*>(x.data),
                     .w = static_cast<const uint8_t*>(w.data),
                     .bias = bias,
                     .out = out.data,
                     .x_bytes = x.stride * 2,
                     .out_stride = out.stride,
                     .up_bytes = static_cast<int64_t>(out.cols) * w.in * 2,
                     .rows = x.rows,
                     .in = w.in,
                     .outs = out.cols,
                     .lumps = 0,
                     .out_f32 = out.type == Type::kF32};
  return x.rows <= 8 ? LaunchRows<8>(a, swiglu, form, sms, stream)
                     : LaunchRows<16>(a, swiglu, form, sms, stream);
}

}  // namespace parley::kernels::cuda

// Products with a packed weight: the activations are brought into the product's type once, then tiles × rows are
// shared out. A tile's weights are read once for all rows of a slice.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/host.h"

namespace parley::kernels::cpu {
namespace {

constexpr int32_t kRowChunk = 48;  // rows of a slice: whole blocks of both products
constexpr size_t kSliceBytes = 256
                               << 10;  // weights of a slice at most: a lost core then costs little
constexpr int32_t kSlicesPerThread = 8;  // and at least so many, where there are tiles enough

int32_t DivideUp(int32_t a, int32_t b) { return (a + b - 1) / b; }

// A product cut into tiles × rows; the slices of one chunk of tiles stand together, so that its weights stay near.
struct Slicing {
  int32_t tiles_per_slice = 1;
  int32_t row_chunks = 1;
  int32_t slices = 1;
};

Slicing Slice(const PackedPart& part, int32_t rows, int threads, int32_t tile_unit) {
  Slicing s;
  s.row_chunks = DivideUp(rows, kRowChunk);
  const int32_t wanted = std::max(1, DivideUp(kSlicesPerThread * threads, s.row_chunks));
  const auto most = static_cast<int32_t>(std::max<size_t>(1, kSliceBytes / part.tile_bytes));
  s.tiles_per_slice = std::clamp(part.tiles / wanted, 1, most);
  s.tiles_per_slice = DivideUp(s.tiles_per_slice, tile_unit) * tile_unit;
  s.slices = DivideUp(part.tiles, s.tiles_per_slice) * s.row_chunks;
  return s;
}

// fn(first tile, tiles, first row, rows) for every slice.
template <class Fn>
void ForSlices(ThreadPool& pool, const PackedPart& part, int32_t rows, int32_t tile_unit,
               const Fn& fn) {
  const Slicing s = Slice(part, rows, pool.threads(), tile_unit);
  pool.Run(s.slices, [&](int32_t slice, int) {
    const int32_t tile = slice / s.row_chunks * s.tiles_per_slice;
    const int32_t row = slice % s.row_chunks * kRowChunk;
    fn(tile, std::min(s.tiles_per_slice, part.tiles - tile), row, std::min(kRowChunk, rows - row));
  });
}

// The part of a dense product that belongs to a slice.
DenseProduct Window(const PackedPart& part, const float* bias, const TensorView& out, int32_t tile,
                    int32_t tiles, int32_t row, int32_t rows) {
  const int32_t col = tile * kLanes;
  DenseProduct p;
  p.rows = rows;
  p.w = part.data.get() + static_cast<size_t>(tile) * part.tile_bytes;
  p.tile_stride = static_cast<ptrdiff_t>(part.tile_bytes);
  p.tiles = tiles;
  p.steps = part.steps;
  p.out = out.F32(row) + col;
  p.out_stride = out.stride;
  p.out_cols = std::min(tiles * kLanes, part.out - col);
  p.bias = bias == nullptr ? nullptr : bias + col;
  return p;
}

constexpr int32_t kDenseTiles = 4;

}  // namespace

void CpuBackend::DenseFloats(const TensorView& x, const PackedPart& part, const float* bias,
                             const TensorView& out) {
  const bool narrow = part.product == Product::kBf16;
  const void* values = x.data;
  ptrdiff_t stride = static_cast<ptrdiff_t>(x.stride) * static_cast<ptrdiff_t>(sizeof(float));
  if (narrow) {
    const int32_t width = part.steps * 2;
    uint16_t* rows = x_bf16_.Get(static_cast<size_t>(x.rows) * static_cast<size_t>(width));
    ForRows(x.rows, x.cols, [&](int32_t r) {
      uint16_t* row = rows + static_cast<ptrdiff_t>(r) * width;
      kernels_.to_bf16(x.F32(r), x.cols, row);
      if (x.cols < width) row[x.cols] = 0;  // an odd row ends in half a step
    });
    values = rows;
    stride = static_cast<ptrdiff_t>(width) * 2;
  }
  ForSlices(pool_, part, x.rows, kDenseTiles,
            [&](int32_t tile, int32_t tiles, int32_t row, int32_t rows) {
              DenseProduct p = Window(part, bias, out, tile, tiles, row, rows);
              p.x = static_cast<const char*>(values) + row * stride;
              p.x_stride = stride;
              narrow ? kernels_.dense_bf16(p) : kernels_.dense_f32(p);
            });
}

void CpuBackend::DenseIntegers(const TensorView& x, const PackedPart& part, const float* bias,
                               const TensorView& out) {
  const int32_t width = part.steps * 4;
  const auto count = static_cast<size_t>(x.rows);
  int8_t* q = x_q_.Get(count * static_cast<size_t>(width));
  float* scale = x_scale_.Get(count);
  int32_t* neg_sum = x_neg_sum_.Get(count);
  ForRows(x.rows, x.cols, [&](int32_t r) {
    kernels_.quantise_row(x.F32(r), x.cols, q + static_cast<ptrdiff_t>(r) * width, scale + r,
                          neg_sum + r);
  });
  ForSlices(pool_, part, x.rows, kDenseTiles,
            [&](int32_t tile, int32_t tiles, int32_t row, int32_t rows) {
              DenseProduct p = Window(part, bias, out, tile, tiles, row, rows);
              p.x = q + static_cast<ptrdiff_t>(row) * width;
              p.x_stride = width;
              p.row_scale = reinterpret_cast<const float*>(part.row_scale.get()) + tile * kLanes;
              p.x_scale = scale + row;
              p.x_neg_sum = neg_sum + row;
              kernels_.dense_i8(p);
            });
}

void CpuBackend::GroupedProduct(const TensorView& x, const PackedPart& part, const float* bias,
                                const TensorView& out) {
  const int32_t groups = part.groups();
  const auto count = static_cast<size_t>(x.rows) * static_cast<size_t>(groups);
  constexpr int32_t kGroupBytes = 2 * kGroupSize;
  int8_t* q = x_q_.Get(count * kGroupBytes);
  float* scale = x_scale_.Get(static_cast<size_t>(x.rows));
  float* sum = x_sum_.Get(count);
  int32_t* neg_sum = x_neg_sum_.Get(count);
  ForRows(x.rows, x.cols, [&](int32_t r) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(r) * groups;
    kernels_.quantise_wide(x.F32(r), x.cols, q + at * kGroupBytes, scale + r, sum + at,
                           neg_sum + at);
  });
  ForSlices(pool_, part, x.rows, 1, [&](int32_t tile, int32_t tiles, int32_t row, int32_t rows) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(row) * groups;
    const int32_t col = tile * kLanes;
    kernels_.group_product({.kind = part.kind,
                            .x = q + at * kGroupBytes,
                            .x_scale = scale + row,
                            .x_sum = sum + at,
                            .x_neg_sum = neg_sum + at,
                            .rows = rows,
                            .groups = groups,
                            .w = part.data.get() + static_cast<size_t>(tile) * part.tile_bytes,
                            .tile_bytes = part.tile_bytes,
                            .tiles = tiles,
                            .out = out.F32(row) + col,
                            .out_stride = out.stride,
                            .out_cols = std::min(tiles * kLanes, part.out - col),
                            .bias = bias == nullptr ? nullptr : bias + col});
  });
}

void CpuBackend::Product(const TensorView& x, const PackedPart& part, const float* bias,
                         const TensorView& out) {
  switch (part.product) {
    case Product::kF32:
    case Product::kBf16:
      return DenseFloats(x, part, bias, out);
    case Product::kI8Row:
      return DenseIntegers(x, part, bias, out);
    case Product::kGroup:
      return GroupedProduct(x, part, bias, out);
  }
}

void CpuBackend::Linear(const TensorView& x, const Weight& w, const TensorView& bias,
                        const TensorView& out) {
  host::CheckLinear(x, w, bias, out);
  int32_t first = 0;
  for (const PackedPart& part : Own(w).parts()) {
    Product(x, part, bias.empty() ? nullptr : bias.F32() + first, out.Cols(first, part.out));
    first += part.out;
  }
}

void CpuBackend::Conv1d(const TensorView& x, const Weight& w, const TensorView& bias,
                        const ConvParams& params, const TensorView& out) {
  host::CheckConv(x, w, bias, params, out);
  const TensorView windows{
      .data = windows_.Get(static_cast<size_t>(out.rows) * static_cast<size_t>(w.in())),
      .dtype = DType::kF32,
      .rows = out.rows,
      .cols = w.in(),
      .stride = w.in()};
  ForRows(out.rows, w.in(), [&](int32_t t) {
    for (int32_t tap = 0; tap < params.kernel; ++tap) {
      const int32_t frame = t * params.stride - params.pad + tap;
      float* to = windows.F32(t) + static_cast<ptrdiff_t>(tap) * x.cols;
      const size_t bytes = sizeof(float) * static_cast<size_t>(x.cols);
      if (frame < 0 || frame >= x.rows) {
        std::memset(to, 0, bytes);
      } else {
        std::memcpy(to, x.F32(frame), bytes);
      }
    }
  });
  Linear(windows, w, bias, out);
}

}  // namespace parley::kernels::cpu

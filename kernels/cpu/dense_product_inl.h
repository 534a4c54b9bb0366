// Dense products: a block of rows × tiles of sums stays in registers while k runs. Each sum is one chain along k,
// whatever the block, so a row's result does not depend on the rows beside it.
// Tried instead: oneDNN 2.6, one thread on a Zen 5 core: 830 GOP/s against 700 here (int8, 500 × 512 × 2048, here with
// quantising and scaling), bf16 440 against 430, f32 204 against 208. Not worth a library with threads of its own.
// Thread:   pure functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

// Included after one lanes_*_inl.h.
#include "kernels/cpu/kernel_table.h"

namespace parley::kernels::cpu {
namespace {

// A kind of product: how a sum starts, takes one step of k, and becomes a float.
struct F32Kind {
  using Sum = F;
  static Sum Start(const DenseProduct& p, int32_t row, int32_t tile) {
    if (!p.accumulate) return Zero();
    const int32_t left = p.out_cols - tile * kLanes;
    const float* out = p.out + row * p.out_stride + tile * kLanes;
    return left >= kLanes ? Load(out) : LoadN(out, left);
  }
  static Sum Step(Sum s, const char* w, const char* x) {
    return Fma(Set(*reinterpret_cast<const float*>(x)), Load(reinterpret_cast<const float*>(w)), s);
  }
  static F Finish(Sum s, const DenseProduct&, int32_t, int32_t) { return s; }
};

struct Bf16Kind {
  using Sum = F;
  static Sum Start(const DenseProduct&, int32_t, int32_t) { return Zero(); }
  static Sum Step(Sum s, const char* w, const char* x) {
    return DotBf16(s, LoadInt(w), reinterpret_cast<const uint16_t*>(x));
  }
  static F Finish(Sum s, const DenseProduct&, int32_t, int32_t) { return s; }
};

// Weights stand as q + 128: the sum starts at -128 times the sum of the row.
struct I8Kind {
  using Sum = I;
  static Sum Start(const DenseProduct& p, int32_t row, int32_t) {
    return ShiftLeft(SetInt(p.x_neg_sum[row]), 7);
  }
  static Sum Step(Sum s, const char* w, const char* x) {
    return DotBytes(s, LoadInt(w), reinterpret_cast<const int8_t*>(x));
  }
  static F Finish(Sum s, const DenseProduct& p, int32_t row, int32_t tile) {
    return Mul(FromInt(s), Mul(Load(p.row_scale + tile * kLanes), Set(p.x_scale[row])));
  }
};

template <class Kind, int kRows, int kTiles>
inline void DenseBlock(const DenseProduct& p, int32_t row, int32_t tile) {
  typename Kind::Sum sum[kRows][kTiles];
  for (int r = 0; r < kRows; ++r) {
    for (int t = 0; t < kTiles; ++t) sum[r][t] = Kind::Start(p, row + r, tile + t);
  }
  const char* x = static_cast<const char*>(p.x) + row * p.x_stride;
  const char* w = static_cast<const char*>(p.w) + tile * p.tile_stride;
  for (int32_t k = 0; k < p.steps; ++k, x += 4, w += p.step_stride) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int t = 0; t < kTiles; ++t) {
        sum[r][t] = Kind::Step(sum[r][t], w + t * p.tile_stride, x + r * p.x_stride);
      }
    }
  }
  for (int t = 0; t < kTiles; ++t) {
    const int32_t col = (tile + t) * kLanes;
    const int32_t left = p.out_cols - col;
    for (int r = 0; r < kRows; ++r) {
      F value = Kind::Finish(sum[r][t], p, row + r, tile + t);
      float* out = p.out + (row + r) * p.out_stride + col;
      if (left >= kLanes) {
        if (p.bias != nullptr) value = Add(value, Load(p.bias + col));
        Store(out, value);
      } else {
        if (p.bias != nullptr) value = Add(value, LoadN(p.bias + col, left));
        StoreN(out, value, left);
      }
    }
  }
}

template <class Kind, int kTiles>
inline void DenseRows(const DenseProduct& p, int32_t tile) {
  int32_t row = 0;
  for (; row + kRowBlock <= p.rows; row += kRowBlock) {
    DenseBlock<Kind, kRowBlock, kTiles>(p, row, tile);
  }
  switch (p.rows - row) {
    case 5:
      return DenseBlock<Kind, 5, kTiles>(p, row, tile);
    case 4:
      return DenseBlock<Kind, 4, kTiles>(p, row, tile);
    case 3:
      return DenseBlock<Kind, 3, kTiles>(p, row, tile);
    case 2:
      return DenseBlock<Kind, 2, kTiles>(p, row, tile);
    case 1:
      return DenseBlock<Kind, 1, kTiles>(p, row, tile);
    default:
      return;
  }
}

template <class Kind>
inline void Dense(const DenseProduct& p) {
  int32_t tile = 0;
  for (; tile + kTileBlock <= p.tiles; tile += kTileBlock) DenseRows<Kind, kTileBlock>(p, tile);
  if constexpr (kTileBlock > 2) {
    for (; tile + 2 <= p.tiles; tile += 2) DenseRows<Kind, 2>(p, tile);
  }
  for (; tile < p.tiles; ++tile) DenseRows<Kind, 1>(p, tile);
}

inline int64_t DotBytesPeak(int32_t rounds) {
  constexpr int kChains = 12;
  alignas(64) int8_t bytes[64] = {1, 2, 3};
  I sum[kChains];
  for (I& s : sum) s = SetInt(0);
  const I w = LoadInt(bytes);
  for (int32_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (I& s : sum) s = DotBytes(s, w, bytes);
  }
  I total = SetInt(0);
  for (const I& s : sum) total = AddInt(total, s);
  volatile float seen = Sum(FromInt(total));  // else the loop would be dropped
  (void)seen;
  return int64_t{rounds} * kChains * 64 * 2;
}

inline float ReadPeak(const uint8_t* from, size_t bytes) {
  I sum[4] = {SetInt(0), SetInt(0), SetInt(0), SetInt(0)};
  for (size_t at = 0; at < bytes; at += 256) {
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; ++i) {
      __builtin_prefetch(from + at + 4096 + 64 * i);
      sum[i] = AddInt(sum[i], LoadInt(from + at + 64 * i));
    }
  }
  return Sum(FromInt(AddInt(AddInt(sum[0], sum[1]), AddInt(sum[2], sum[3]))));
}

}  // namespace
}  // namespace parley::kernels::cpu

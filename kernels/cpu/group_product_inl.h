// Grouped integer products (backend.h, kGroup). A tile holds 16 output rows: the integers and then the scales of one
// group after another (packed_weight.h), so that a step reads its weights as one stream. A group of 16 × 32 weights is unpacked once and serves a block of rows; its integer
// dots are exact, and the groups are added in order, so a row's result depends on nothing but the row.
// Thread:   pure functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

// Included after one lanes_*_inl.h.
#include "kernels/cpu/kernel_table.h"

namespace parley::kernels::cpu {
namespace {

template <GroupKind kKind>
struct GroupShape {
  static constexpr bool kNibbles = kKind != GroupKind::kEight;
  static constexpr bool kMin = kKind == GroupKind::kFourMin;
  static constexpr int kOffsetShift = kKind == GroupKind::kFour ? 3 : 7;  // q + 8, q + 128
  static constexpr int kBytes = kNibbles ? 256 : 512;                     // of one group
  static constexpr int kStride = kBytes + (kMin ? 64 : 32);  // with the scales in binary16
};

// How far before its use a weight is fetched: the latency of memory at the pace of one core. Beyond the end of a
// weight it fetches something else for nothing.
inline constexpr int kAhead = 4096;

template <GroupKind kKind>
inline void Unpack(const uint8_t* group, I (&w)[8]) {
  if constexpr (GroupShape<kKind>::kNibbles) {
    for (int i = 0; i < 4; ++i) {
      const I both = LoadInt(group + 64 * i);
      w[i] = LowNibbles(both);
      w[i + 4] = HighNibbles(both);
    }
  } else {
    for (int i = 0; i < 8; ++i) w[i] = LoadInt(group + 64 * i);
  }
}

// Rows whose sums run side by side: with the two bytes of a value four chains, so that none waits for itself.
inline constexpr int kAbreast = 4;

// The 32 products of one group for `kRows` rows from `row` on: those of the high bytes, times 256, and of the low ones.
template <GroupKind kKind, int kRows>
inline void GroupDots(const GroupProduct& p, const I (&w)[8], int32_t row, int32_t g,
                      F (&dot)[kRows]) {
  using Shape = GroupShape<kKind>;
  const ptrdiff_t at = static_cast<ptrdiff_t>(row) * p.groups + g;
  const int8_t* x = p.x + at * 64;
  const ptrdiff_t stride = static_cast<ptrdiff_t>(p.groups) * 64;
  I high[kRows], low[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    high[r] = SetInt(0);
    low[r] = Shape::kMin ? SetInt(0)
                         : ShiftLeft(SetInt(p.x_neg_sum[at + r * p.groups]), Shape::kOffsetShift);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const int8_t* four = x + r * stride + 4 * i;
      high[r] =
          Shape::kNibbles ? DotNibblesOnce(high[r], w[i], four) : DotBytesOnce(high[r], w[i], four);
      low[r] = Shape::kNibbles ? DotNibblesOnce(low[r], w[i], four + 32)
                               : DotBytesOnce(low[r], w[i], four + 32);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) dot[r] = FromInt(AddInt(ShiftLeft(high[r], 8), low[r]));
}

template <GroupKind kKind, int kRows>
inline void GroupBlock(const GroupProduct& p, int32_t row, int32_t tile) {
  using Shape = GroupShape<kKind>;
  const uint8_t* w = p.w + static_cast<size_t>(tile) * p.tile_bytes;
  constexpr int kSide = kRows < kAbreast ? kRows : kAbreast;
  F sum[kRows];
#pragma GCC unroll 8
  for (F& s : sum) s = Zero();
  for (int32_t g = 0; g < p.groups; ++g, w += Shape::kStride) {
    for (int i = 0; i < Shape::kStride; i += 64) __builtin_prefetch(w + kAhead + i);
    I unpacked[8];
    Unpack<kKind>(w, unpacked);
    const auto* scales = reinterpret_cast<const uint16_t*>(w + Shape::kBytes);
    const F d = LoadHalf(scales);
    const F m = Shape::kMin ? LoadHalf(scales + 16) : Zero();
#pragma GCC unroll 8
    for (int r = 0; r < kRows; r += kSide) {
      F dot[kSide];
      GroupDots<kKind, kSide>(p, unpacked, row + r, g, dot);
#pragma GCC unroll 8
      for (int i = 0; i < kSide; ++i) {
        F& s = sum[r + i];
        s = Fma(dot[i], d, s);
        const ptrdiff_t at = static_cast<ptrdiff_t>(row + r + i) * p.groups + g;
        if constexpr (Shape::kMin) s = Fma(m, Set(p.x_sum[at]), s);
      }
    }
  }
  const int32_t col = tile * kLanes;
  const int32_t left = p.out_cols - col < kLanes ? p.out_cols - col : kLanes;
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    sum[r] = Mul(sum[r], Set(p.x_scale[row + r]));
    if (p.bias != nullptr) sum[r] = Add(sum[r], LoadN(p.bias + col, left));
    StoreN(p.out + (row + r) * p.out_stride + col, sum[r], left);
  }
}

// The last rows of a block, in halves, so that each count needs no code of its own.
template <GroupKind kKind, int kRows>
inline void GroupTail(const GroupProduct& p, int32_t row, int32_t tile) {
  if (p.rows - row >= kRows) {
    GroupBlock<kKind, kRows>(p, row, tile);
    row += kRows;
  }
  if constexpr (kRows > 1) GroupTail<kKind, kRows / 2>(p, row, tile);
}

template <GroupKind kKind>
inline void GroupTiles(const GroupProduct& p) {
  for (int32_t tile = 0; tile < p.tiles; ++tile) {
    int32_t row = 0;
    for (; row + kGroupRowBlock <= p.rows; row += kGroupRowBlock) {
      GroupBlock<kKind, kGroupRowBlock>(p, row, tile);
    }
    GroupTail<kKind, kGroupRowBlock / 2>(p, row, tile);
  }
}

inline void Group(const GroupProduct& p) {
  switch (p.kind) {
    case GroupKind::kFour:
      return GroupTiles<GroupKind::kFour>(p);
    case GroupKind::kFourMin:
      return GroupTiles<GroupKind::kFourMin>(p);
    case GroupKind::kEight:
      return GroupTiles<GroupKind::kEight>(p);
  }
}

}  // namespace
}  // namespace parley::kernels::cpu

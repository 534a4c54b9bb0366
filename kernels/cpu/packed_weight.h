// A weight as the cpu kernels read it: tiles of 16 output rows, so that a step of k is one 64-byte vector in which
// lane l holds row l of the tile. Rows that fill up the last tile are zero.
//   dense    tile: [step of k][lane][4 bytes]: 1 f32, 2 bf16, or 4 int8 as q + 128 (then row scales of all tiles beside)
//   grouped  tile: group after group its integers, then its scales
//            4 bits, q + 8 or, with min, q: [4 vectors][lane][4 bytes]; low nibbles are k 4v…4v+3, high ones 16 later
//            8 bits, q + 128:               [8 vectors][lane][4 bytes]
//            scales: binary16 d [16], then with min m [16]
// Thread:   const after construction.
// Memory:   from the arena; `bytes` counts it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/result.h"
#include "kernels/backend.h"
#include "kernels/cpu/arena.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/weight_part.h"

namespace parley::kernels::cpu {

struct PackedPart {
  Product product = Product::kF32;
  GroupKind kind = GroupKind::kFour;  // kGroup
  int32_t out = 0;
  int32_t in = 0;
  int32_t tiles = 0;
  int32_t steps = 0;  // dense: 4-byte steps of k
  size_t tile_bytes = 0;
  std::shared_ptr<uint8_t> data;
  std::shared_ptr<uint8_t> row_scale;  // kI8Row: f32 [tiles * 16]

  int32_t groups() const { return in / kGroupSize; }
  void ReadRow(int32_t row, float* to) const;  // for embeddings
};

class PackedWeight final : public Weight {
 public:
  static Result<std::shared_ptr<const PackedWeight>> Pack(std::span<const WeightSource> stacked,
                                                          Storage storage, Arena& arena);
  int32_t out() const override { return out_; }
  int32_t in() const override { return parts_.front().in; }
  size_t bytes() const override { return bytes_; }
  const std::vector<PackedPart>& parts() const { return parts_; }

 private:
  std::vector<PackedPart> parts_;
  int32_t out_ = 0;
  size_t bytes_ = 0;
};

}  // namespace parley::kernels::cpu

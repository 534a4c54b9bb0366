// Packing, value by value: it runs once, while a model loads.
// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/packed_weight.h"

#include <bit>
#include <cstring>
#include <string>
#include <utility>

namespace parley::kernels::cpu {
namespace {

constexpr int32_t kStepBytes = kLanes * 4;
constexpr size_t kHalfBytes = 2;

int32_t ValuesPerStep(Product p) {
  if (p == Product::kF32) return 1;
  return p == Product::kBf16 ? 2 : 4;
}

GroupKind KindOf(const WeightPart& from) {
  if (!from.four_bits) return GroupKind::kEight;
  return from.min.empty() ? GroupKind::kFour : GroupKind::kFourMin;
}

int32_t Offset(GroupKind kind) {
  if (kind == GroupKind::kFourMin) return 0;
  return kind == GroupKind::kFour ? 8 : 128;
}

size_t IntegerBytes(GroupKind kind) { return kind == GroupKind::kEight ? 512 : 256; }
size_t ScaleBytes(GroupKind kind) {
  return kLanes * kHalfBytes * (kind == GroupKind::kFourMin ? 2 : 1);
}

// Where value k of a group stands for a lane: byte within the group's integers, and whether in its high nibble.
struct Spot {
  size_t byte;
  bool high;
};
Spot SpotOf(GroupKind kind, int32_t k, int32_t lane) {
  const bool high = kind != GroupKind::kEight && k >= 16;
  const int32_t within = high ? k - 16 : k;
  return {static_cast<size_t>(within / 4 * kStepBytes + lane * 4 + within % 4), high};
}

void Put16(uint8_t* to, float v) {
  const uint16_t bits = FloatToHalf(v);  // exact: the scale came from a binary16
  std::memcpy(to, &bits, sizeof(bits));
}

void PackGroupedRow(const WeightPart& from, int32_t row, PackedPart& to) {
  const int32_t lane = row % kLanes;
  const size_t integers = IntegerBytes(to.kind);
  uint8_t* tile = to.data.get() + static_cast<size_t>(row / kLanes) * to.tile_bytes;
  for (int32_t g = 0; g < to.groups(); ++g, tile += integers + ScaleBytes(to.kind)) {
    uint8_t* scales = tile + integers;
    const auto at =
        static_cast<size_t>(row) * static_cast<size_t>(to.groups()) + static_cast<size_t>(g);
    Put16(scales + static_cast<size_t>(lane) * kHalfBytes, from.scale[at]);
    if (to.kind == GroupKind::kFourMin) {
      Put16(scales + static_cast<size_t>(kLanes + lane) * kHalfBytes, from.min[at]);
    }
    for (int32_t k = 0; k < kGroupSize; ++k) {
      const int32_t q = from.q[at * kGroupSize + static_cast<size_t>(k)] + Offset(to.kind);
      const Spot spot = SpotOf(to.kind, k, lane);
      tile[spot.byte] = static_cast<uint8_t>(tile[spot.byte] | (spot.high ? q << 4 : q));
    }
  }
}

void PackDenseRow(const WeightPart& from, int32_t row, PackedPart& to) {
  const int32_t lane = row % kLanes;
  uint8_t* tile = to.data.get() + static_cast<size_t>(row / kLanes) * to.tile_bytes + lane * 4;
  const size_t first = static_cast<size_t>(row) * static_cast<size_t>(from.in);
  const int32_t per_step = ValuesPerStep(to.product);
  for (int32_t k = 0; k < from.in; ++k) {
    uint8_t* step = tile + static_cast<ptrdiff_t>(k / per_step) * kStepBytes;
    const size_t at = first + static_cast<size_t>(k);
    if (to.product == Product::kF32) {
      std::memcpy(step, &from.values[at], sizeof(float));
    } else if (to.product == Product::kBf16) {
      const Bf16 v = ToBf16(from.values[at]);
      std::memcpy(step + k % 2 * 2, &v.bits, sizeof(v.bits));
    } else {
      step[k % 4] = static_cast<uint8_t>(from.q[at] + 128);
    }
  }
}

Status PackPart(const WeightPart& from, Arena& arena, PackedPart& to) {
  to.product = from.product;
  to.out = from.out;
  to.in = from.in;
  to.tiles = (from.out + kLanes - 1) / kLanes;
  if (from.product == Product::kGroup) {
    to.kind = KindOf(from);
    to.tile_bytes =
        static_cast<size_t>(to.groups()) * (IntegerBytes(to.kind) + ScaleBytes(to.kind));
  } else {
    const int32_t per_step = ValuesPerStep(from.product);
    to.steps = (from.in + per_step - 1) / per_step;
    to.tile_bytes = static_cast<size_t>(to.steps) * kStepBytes;
  }
  const size_t bytes = to.tile_bytes * static_cast<size_t>(to.tiles);
  const size_t scale_bytes = sizeof(float) * kLanes * static_cast<size_t>(to.tiles);
  to.data = arena.Allocate(bytes);
  if (from.product == Product::kI8Row) to.row_scale = arena.Allocate(scale_bytes);
  if (to.data == nullptr || (from.product == Product::kI8Row && to.row_scale == nullptr)) {
    return Fail(Code::kExhausted,
                "no memory for a weight of " + std::to_string(bytes >> 10) + " KiB");
  }
  for (int32_t row = 0; row < from.out; ++row) {
    if (from.product == Product::kGroup) {
      PackGroupedRow(from, row, to);
    } else {
      PackDenseRow(from, row, to);
    }
  }
  if (to.row_scale != nullptr) {
    std::memcpy(to.row_scale.get(), from.scale.data(), from.scale.size() * sizeof(float));
  }
  return {};
}

bool Alike(const WeightSource& a, const WeightSource& b) { return a.format == b.format; }

void Append(WeightPart& to, const WeightPart& more) {
  const auto append = [](auto& a, const auto& b) { a.insert(a.end(), b.begin(), b.end()); };
  to.out += more.out;
  append(to.values, more.values);
  append(to.q, more.q);
  append(to.scale, more.scale);
  append(to.min, more.min);
}

uint16_t Read16(const uint8_t* p) {
  uint16_t v = 0;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

}  // namespace

void PackedPart::ReadRow(int32_t row, float* to) const {
  const int32_t lane = row % kLanes;
  const uint8_t* tile = data.get() + static_cast<size_t>(row / kLanes) * tile_bytes;
  const int32_t per_step = product == Product::kGroup ? 1 : ValuesPerStep(product);
  for (int32_t k = 0; k < in; ++k) {
    if (product == Product::kGroup) {
      const size_t group_bytes = IntegerBytes(kind) + ScaleBytes(kind);
      const uint8_t* group = tile + static_cast<size_t>(k / kGroupSize) * group_bytes;
      const uint8_t* scales = group + IntegerBytes(kind) + static_cast<size_t>(lane) * kHalfBytes;
      const Spot spot = SpotOf(kind, k % kGroupSize, lane);
      const int32_t stored = kind == GroupKind::kEight ? group[spot.byte]
                             : spot.high               ? group[spot.byte] >> 4
                                                       : group[spot.byte] & 15;
      to[k] = HalfToFloat(Read16(scales)) * static_cast<float>(stored - Offset(kind));
      if (kind == GroupKind::kFourMin) to[k] += HalfToFloat(Read16(scales + kLanes * kHalfBytes));
      continue;
    }
    const uint8_t* step = tile + static_cast<ptrdiff_t>(k / per_step) * kStepBytes + lane * 4;
    if (product == Product::kF32) {
      std::memcpy(to + k, step, sizeof(float));
    } else if (product == Product::kBf16) {
      to[k] = ToFloat(Bf16{Read16(step + k % 2 * 2)});
    } else {
      const float scale = reinterpret_cast<const float*>(row_scale.get())[row];
      to[k] = scale * static_cast<float>(step[k % 4] - 128);
    }
  }
}

Result<std::shared_ptr<const PackedWeight>> PackedWeight::Pack(
    std::span<const WeightSource> stacked, Storage storage, Arena& arena) {
  PARLEY_TRY_STATUS(CheckSources(stacked, storage));
  PARLEY_TRY_STATUS(CheckFinite(stacked));
  auto weight = std::make_shared<PackedWeight>();
  for (size_t i = 0; i < stacked.size();) {
    WeightPart part = ReadPart(stacked[i++], storage);
    // What ends on a whole tile and goes on alike is one part: one product instead of two.
    while (i < stacked.size() && part.out % kLanes == 0 && Alike(stacked[i - 1], stacked[i])) {
      Append(part, ReadPart(stacked[i++], storage));
    }
    PackedPart packed;
    PARLEY_TRY_STATUS(PackPart(part, arena, packed));
    weight->out_ += packed.out;
    weight->bytes_ += packed.tile_bytes * static_cast<size_t>(packed.tiles);
    weight->parts_.push_back(std::move(packed));
  }
  return std::shared_ptr<const PackedWeight>(std::move(weight));
}

}  // namespace parley::kernels::cpu

// The file formats, read value by value.
// SPDX-License-Identifier: Apache-2.0
#include "kernels/weight_part.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "kernels/random_values.h"

namespace parley::kernels {
namespace {

constexpr size_t kNibbleBytes = kGroupSize / 2;

uint16_t Read16(const uint8_t* p) {
  uint16_t v = 0;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

bool IsGrouped(WeightFormat f) {
  return f == WeightFormat::kQ4_0 || f == WeightFormat::kQ4_1 || f == WeightFormat::kQ8_0;
}

size_t GroupBytes(WeightFormat f) {
  if (f == WeightFormat::kQ4_0) return 2 + kNibbleBytes;
  if (f == WeightFormat::kQ4_1) return 4 + kNibbleBytes;
  return 2 + kGroupSize;
}

Product AsIs(WeightFormat f) {
  if (IsGrouped(f)) return Product::kGroup;
  if (f == WeightFormat::kI8Row) return Product::kI8Row;
  return f == WeightFormat::kBf16 ? Product::kBf16 : Product::kF32;
}

Product Resolve(WeightFormat f, Storage storage) {
  switch (storage) {
    case Storage::kAsIs:
      return AsIs(f);
    case Storage::kF32:
      return Product::kF32;
    case Storage::kBf16:
      return Product::kBf16;
    case Storage::kGroup8:
      return Product::kGroup;
    case Storage::kI8Row:
      return Product::kI8Row;
    case Storage::kFp8Row:
      return Product::kF32;  // of values that e4m3 and the row's scale can hold
  }
  return Product::kF32;
}

WeightPart ReadGrouped(const WeightSource& s) {
  WeightPart part{.product = Product::kGroup, .out = s.out, .in = s.in};
  const bool has_min = s.format == WeightFormat::kQ4_1;
  part.four_bits = s.format != WeightFormat::kQ8_0;
  const int8_t offset = s.format == WeightFormat::kQ4_0 ? 8 : 0;
  const size_t groups = static_cast<size_t>(s.out) * static_cast<size_t>(s.in / kGroupSize);
  part.q.resize(groups * kGroupSize);
  part.scale.resize(groups);
  part.min.resize(has_min ? groups : 0);
  const auto* bytes = static_cast<const uint8_t*>(s.data);
  for (size_t g = 0; g < groups; ++g, bytes += GroupBytes(s.format)) {
    part.scale[g] = HalfToFloat(Read16(bytes));
    if (has_min) part.min[g] = HalfToFloat(Read16(bytes + 2));
    const uint8_t* values = bytes + (has_min ? 4 : 2);
    int8_t* q = &part.q[g * kGroupSize];
    if (!part.four_bits) {
      std::memcpy(q, values, kGroupSize);
      continue;
    }
    for (size_t i = 0; i < kNibbleBytes; ++i) {
      q[i] = static_cast<int8_t>((values[i] & 15) - offset);
      q[i + kNibbleBytes] = static_cast<int8_t>((values[i] >> 4) - offset);
    }
  }
  return part;
}

WeightPart ReadI8Row(const WeightSource& s) {
  WeightPart part{.product = Product::kI8Row, .out = s.out, .in = s.in};
  const auto* q = static_cast<const int8_t*>(s.data);
  part.q.assign(q, q + static_cast<size_t>(s.out) * static_cast<size_t>(s.in));
  part.scale.assign(s.row_scale, s.row_scale + s.out);
  return part;
}

size_t StrideOf(const WeightSource& s) {
  return static_cast<size_t>(s.row_stride > 0 ? s.row_stride : s.in);
}

bool IsRandom(const WeightSource& s) { return s.data == nullptr && s.random_scale > 0.0F; }

WeightPart MakeRandom(const WeightSource& s) {
  WeightPart part{.product = Product::kBf16, .out = s.out, .in = s.in};
  part.values.resize(static_cast<size_t>(s.out) * static_cast<size_t>(s.in));
  const auto in = static_cast<size_t>(s.in);
  for (size_t i = 0; i < part.values.size(); ++i) {
    const uint64_t at = s.random_first + i / in * StrideOf(s) + i % in;
    part.values[i] = ToFloat(ToBf16(RandomValue(s.random_seed, at) * s.random_scale));
  }
  return part;
}

WeightPart ReadFloats(const WeightSource& s) {
  if (IsRandom(s)) return MakeRandom(s);
  WeightPart part{.product = Product::kF32, .out = s.out, .in = s.in};
  part.values.resize(static_cast<size_t>(s.out) * static_cast<size_t>(s.in));
  const auto* bytes = static_cast<const uint8_t*>(s.data);
  const auto in = static_cast<size_t>(s.in);
  const size_t size = s.format == WeightFormat::kF32 ? 4 : 2;
  for (size_t row = 0; row < static_cast<size_t>(s.out); ++row) {
    const uint8_t* from = bytes + row * StrideOf(s) * size;
    float* to = &part.values[row * in];
    if (s.format == WeightFormat::kF32) std::memcpy(to, from, in * sizeof(float));
    for (size_t i = 0; i < in && s.format != WeightFormat::kF32; ++i) {
      const uint16_t bits = Read16(from + 2 * i);
      to[i] = s.format == WeightFormat::kF16 ? HalfToFloat(bits) : ToFloat(Bf16{bits});
    }
  }
  return part;
}

WeightPart ToFloats(const WeightPart& from, Product product) {
  WeightPart part{.product = product, .out = from.out, .in = from.in};
  part.values.reserve(static_cast<size_t>(from.out) * static_cast<size_t>(from.in));
  for (int32_t row = 0; row < from.out; ++row) {
    for (int32_t col = 0; col < from.in; ++col) {
      const float w = from.At(row, col);
      part.values.push_back(product == Product::kBf16 ? ToFloat(ToBf16(w)) : w);
    }
  }
  return part;
}

// Half to even for |v| < 2^22: the adder itself rounds. (std::nearbyint is a call on plain x86-64.)
float RoundHalfEven(float v) {
  constexpr float kNoFraction = 0x1.8p23F;
  return (v + kNoFraction) - kNoFraction;
}

// Integers with one scale for every `span` values; a grouped scale is rounded to binary16 first, as files hold it.
WeightPart ToIntegers(WeightPart from, Product product) {
  const WeightPart floats = from.values.empty() ? ToFloats(from, Product::kF32) : std::move(from);
  WeightPart part{.product = product, .out = floats.out, .in = floats.in};
  const size_t span = product == Product::kGroup ? kGroupSize : static_cast<size_t>(floats.in);
  part.q.resize(floats.values.size());
  part.scale.reserve(floats.values.size() / span);
  for (size_t begin = 0; begin < floats.values.size(); begin += span) {
    float largest = 0.0F;
    for (size_t i = begin; i < begin + span; ++i) {
      largest = std::max(largest, std::fabs(floats.values[i]));
    }
    float scale = largest / kMostByte;
    if (product == Product::kGroup) scale = HalfToFloat(FloatToHalf(scale));
    part.scale.push_back(scale);
    if (!(scale > 0.0F)) continue;  // q is zero already
    for (size_t i = begin; i < begin + span; ++i) {
      // In this order a NaN of a broken file becomes 127 instead of an undefined conversion.
      const float q = std::max(-127.0F, std::min(127.0F, floats.values[i] / scale));
      part.q[i] = static_cast<int8_t>(RoundHalfEven(q));
    }
  }
  return part;
}

// Each row to what its e4m3 values, times its scale, stand for.
void RoundRowsToE4m3(WeightPart& part) {
  const auto in = static_cast<size_t>(part.in);
  for (size_t begin = 0; begin < part.values.size(); begin += in) {
    float largest = 0.0F;
    for (size_t i = begin; i < begin + in; ++i) {
      largest = std::max(largest, std::fabs(part.values[i]));
    }
    const float inverse = largest > 0.0F ? kMostE4m3 / largest : 0.0F;
    const float scale = largest / kMostE4m3;
    for (size_t i = begin; i < begin + in; ++i) {
      part.values[i] = RoundToE4m3(part.values[i] * inverse) * scale;
    }
  }
}

Status CheckSource(const WeightSource& s, int32_t in, Product product) {
  if (s.out <= 0 || s.in <= 0 || (s.data == nullptr && !IsRandom(s))) {
    return Fail(Code::kInvalidArgument, "a weight of [" + std::to_string(s.out) + ", " +
                                            std::to_string(s.in) + "] holds nothing");
  }
  if (s.in != in) {
    return Fail(Code::kInvalidArgument, "stacked weights take " + std::to_string(in) + " and " +
                                            std::to_string(s.in) +
                                            " values a row: stack only equals");
  }
  if ((IsGrouped(s.format) || product == Product::kGroup) && s.in % kGroupSize != 0) {
    return Fail(Code::kUnsupported, "a row of " + std::to_string(s.in) +
                                        " values cannot be kept in groups of 32: keep it as bf16");
  }
  if (s.row_stride != 0 && s.row_stride != s.in &&
      (IsGrouped(s.format) || s.format == WeightFormat::kI8Row || s.row_stride < s.in)) {
    return Fail(Code::kUnsupported,
                "part of the columns of a quantised weight: only f32, f16 and bf16 can be cut so");
  }
  if (s.format == WeightFormat::kI8Row && s.row_scale == nullptr) {
    return Fail(Code::kInvalidArgument, "an int8 weight has no row scales");
  }
  return {};
}

// An exponent of ones is a NaN or an infinity.
uint64_t CountHalves(const uint8_t* from, size_t count, size_t step, uint16_t exponent) {
  uint64_t bad = 0;
  for (size_t i = 0; i < count; ++i) {
    bad += (Read16(from + i * step) & exponent) == exponent ? 1U : 0U;
  }
  return bad;
}

uint64_t CountFloats(const void* from, size_t count) {
  constexpr uint32_t kExponent = 0x7F800000;
  const auto* bytes = static_cast<const uint8_t*>(from);
  uint64_t bad = 0;
  for (size_t i = 0; i < count; ++i) {
    uint32_t bits = 0;
    std::memcpy(&bits, bytes + i * sizeof(bits), sizeof(bits));
    bad += (bits & kExponent) == kExponent ? 1U : 0U;
  }
  return bad;
}

// A scale that is no number spoils all that it scales.
uint64_t CountNotFinite(const WeightSource& s) {
  constexpr uint16_t kHalf = 0x7C00;
  constexpr uint16_t kBrain = 0x7F80;
  const auto rows = static_cast<size_t>(s.out);
  const auto in = static_cast<size_t>(s.in);
  const auto* bytes = static_cast<const uint8_t*>(s.data);
  if (bytes == nullptr) return 0;
  if (s.format == WeightFormat::kI8Row) return CountFloats(s.row_scale, rows) * in;
  if (IsGrouped(s.format)) {
    const size_t groups = rows * in / kGroupSize;
    const size_t step = GroupBytes(s.format);
    uint64_t bad = CountHalves(bytes, groups, step, kHalf);
    if (s.format == WeightFormat::kQ4_1) bad += CountHalves(bytes + 2, groups, step, kHalf);
    return bad * kGroupSize;
  }
  const bool full = s.format == WeightFormat::kF32;
  const uint16_t exponent = s.format == WeightFormat::kF16 ? kHalf : kBrain;
  uint64_t bad = 0;
  for (size_t row = 0; row < rows; ++row) {
    const uint8_t* from = bytes + row * StrideOf(s) * (full ? 4 : 2);
    bad += full ? CountFloats(from, in) : CountHalves(from, in, 2, exponent);
  }
  return bad;
}

}  // namespace

float WeightPart::At(int32_t row, int32_t col) const {
  const size_t i = static_cast<size_t>(row) * static_cast<size_t>(in) + static_cast<size_t>(col);
  if (product == Product::kF32 || product == Product::kBf16) return values[i];
  if (product == Product::kI8Row) return scale[static_cast<size_t>(row)] * static_cast<float>(q[i]);
  const float w = scale[i / kGroupSize] * static_cast<float>(q[i]);
  return min.empty() ? w : w + min[i / kGroupSize];
}

Status CheckSources(std::span<const WeightSource> stacked, Storage storage) {
  if (stacked.empty()) return Fail(Code::kInvalidArgument, "a weight needs at least one source");
  for (const WeightSource& s : stacked) {
    PARLEY_TRY_STATUS(CheckSource(s, stacked[0].in, Resolve(s.format, storage)));
  }
  return {};
}

Status CheckFinite(std::span<const WeightSource> stacked) {
  uint64_t bad = 0;
  uint64_t all = 0;
  for (const WeightSource& source : stacked) {
    bad += CountNotFinite(source);
    all += static_cast<uint64_t>(source.out) * static_cast<uint64_t>(source.in);
  }
  return NotFinite(bad, all);
}

Status NotFinite(uint64_t bad, uint64_t all) {
  if (bad == 0) return {};
  return Fail(Code::kCorruptData,
              std::to_string(bad) + " of " + std::to_string(all) +
                  " values are NaN or infinite; the file is damaged, or not a model's");
}

WeightPart ReadPart(const WeightSource& source, Storage storage) {
  const Product product = Resolve(source.format, storage);
  WeightPart part = IsGrouped(source.format)                ? ReadGrouped(source)
                    : source.format == WeightFormat::kI8Row ? ReadI8Row(source)
                                                            : ReadFloats(source);
  if (storage == Storage::kFp8Row) {
    part = ToFloats(part, Product::kF32);
    RoundRowsToE4m3(part);
    return part;
  }
  if (part.product == product) return part;
  const bool floats = product == Product::kF32 || product == Product::kBf16;
  return floats ? ToFloats(part, product) : ToIntegers(std::move(part), product);
}

float RoundToE4m3(float v) {
  constexpr float kLeastNormal = 0x1p-6F;
  if (std::isnan(v)) return v;
  const float size = std::min(std::fabs(v), kMostE4m3);
  int exponent = 0;
  std::frexp(std::max(size, kLeastNormal), &exponent);  // size is in [2^(exponent - 1), 2^exponent)
  const float step = std::ldexp(1.0F, exponent - 4);    // three bits behind the first one
  return std::copysign(RoundHalfEven(size / step) * step, v);
}

namespace {

template <class Int>
float Quantise(std::span<const float> x, float most, Int* q) {
  float largest = 0.0F;
  bool finite = true;
  for (float v : x) {
    largest = std::max(largest, std::fabs(v));
    finite = finite && std::isfinite(v);
  }
  const float scale = largest / most;
  if (!finite || scale < FLT_MIN) {
    std::fill_n(q, x.size(), Int{0});
    return finite ? 0.0F : std::numeric_limits<float>::quiet_NaN();
  }
  for (size_t i = 0; i < x.size(); ++i) {
    q[i] = static_cast<Int>(RoundHalfEven(x[i] / scale));  // at most `most`: scale is normal
  }
  return scale;
}

}  // namespace

float QuantiseRow(std::span<const float> x, int8_t* q) { return Quantise(x, kMostByte, q); }
float QuantiseRow(std::span<const float> x, int16_t* q) { return Quantise(x, kMostWide, q); }

}  // namespace parley::kernels

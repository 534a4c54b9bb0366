// What the bytes of a weight mean, unpacked: the one place that knows the file formats. Both host backends load
// through it, so that they start from the same integers and the same scales.
// Thread:   pure functions.
// Memory:   a WeightPart owns its values; it lives only while a backend repacks them (the reference keeps it).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/result.h"
#include "kernels/backend.h"

namespace parley::kernels {

inline constexpr int32_t kGroupSize = 32;   // values that share a scale in the grouped formats
inline constexpr float kMostByte = 127.0F;  // the largest activation in 8 bits
inline constexpr float kMostWide =
    32512.0F;  // and in 16: 127 * 256, both of its bytes are signed bytes

enum class Product : uint8_t { kF32, kBf16, kGroup, kI8Row };  // meanings: backend.h, Storage

// One source of a stacked weight. Grouped: w = scale[g] * q (+ min[g]); per row: w = scale[row] * q.
struct WeightPart {
  Product product = Product::kF32;
  int32_t out = 0;
  int32_t in = 0;
  bool four_bits = false;       // q in -8…7 or, with a min, 0…15: a backend may keep nibbles
  std::vector<float> values{};  // [out, in]: kF32 and kBf16 (then exactly representable)
  std::vector<int8_t> q{};      // [out, in]: kGroupSize and kI8Row
  std::vector<float> scale{};   // [out, in / 32], each exactly a binary16, or [out]
  std::vector<float> min{};     // [out, in / 32], each exactly a binary16, or empty

  int32_t groups() const { return in / kGroupSize; }
  float At(int32_t row, int32_t col) const;  // the value that the integers stand for
};

// Whether these can be stacked and kept so; the error names what is wrong.
Status CheckSources(std::span<const WeightSource> stacked, Storage storage);
// Whether every value is a number: counted in the file's own form, whatever it will be kept as. kCorruptData.
Status CheckFinite(std::span<const WeightSource> stacked);
// What is said of weights of which `bad` of `all` values are none; fine when none are.
Status NotFinite(uint64_t bad, uint64_t all);
// A checked source, kept as `storage` says. Grouped files stay as they are under kGroup8.
WeightPart ReadPart(const WeightSource& source, Storage storage);

// The nearest value of e4m3 (fp8 with four bits of exponent and three of mantissa), ties to even, +-448 at most.
inline constexpr float kMostE4m3 = 448.0F;
float RoundToE4m3(float v);

// The activation side of the integer products: q = round_half_even(x / scale), scale = max|x| / 127, or / 32512.
// A scale below the smallest normal number means all zeros, scale 0; an infinite or NaN value gives zeros with
// scale NaN, so that the poison is seen in the product instead of being clamped away.
float QuantiseRow(std::span<const float> x, int8_t* q);
float QuantiseRow(std::span<const float> x, int16_t* q);

}  // namespace parley::kernels

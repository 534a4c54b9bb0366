// SPDX-License-Identifier: Apache-2.0
#include "weights/quantize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "common/check.h"
#include "weights/weight_format.h"

namespace parley::weights {
namespace {

using kernels::WeightFormat;
using Group = std::span<const float>;  // kGroupValues of them

void PutHalf(float value, std::byte* out) {
  const uint16_t bits = kernels::FloatToHalf(value);
  std::memcpy(out, &bits, 2);
}

float AsHalf(float value) { return kernels::HalfToFloat(kernels::FloatToHalf(value)); }

void PackNibbles(Group x, float inverse, float shift, std::byte* out) {
  // The shift carries the half of rounding: truncation of q + 0.5, as GGML does it.
  const auto nibble = [&](float v) {
    return static_cast<uint8_t>(std::clamp(static_cast<int>(v * inverse + shift), 0, 15));
  };
  for (size_t i = 0; i < 16; ++i) {
    out[i] = static_cast<std::byte>(nibble(x[i]) | (nibble(x[i + 16]) << 4));
  }
}

void QuantizeQ4_0(Group x, std::byte* out) {
  // The value of largest magnitude becomes -8, so that no code is wasted.
  const float extreme = *std::max_element(
      x.begin(), x.end(), [](float a, float b) { return std::fabs(a) < std::fabs(b); });
  const float d = extreme / -8.0F;
  PutHalf(d, out);
  PackNibbles(x, d != 0.0F ? 1.0F / d : 0.0F, 8.5F, out + 2);
}

void QuantizeQ4_1(Group x, std::byte* out) {
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  const float d = (*high - *low) / 15.0F;
  PutHalf(d, out);
  PutHalf(*low, out + 2);
  std::vector<float> above(x.begin(), x.end());
  for (float& v : above) v -= *low;
  PackNibbles(above, d != 0.0F ? 1.0F / d : 0.0F, 0.5F, out + 4);
}

// Sums in lanes, so that a compiler may keep them in one register.
struct Lanes {
  static constexpr size_t kCount = 8;
  std::array<float, kCount> lane{};

  float Sum() const {
    float sum = 0.0F;
    for (const float v : lane) sum += v;
    return sum;
  }
};

// What a squared error counts at each place of a group.
using GroupImportance = std::array<float, kGroupValues>;

constexpr GroupImportance AllTheSame() {
  GroupImportance same{};
  same.fill(1.0F);
  return same;
}

// One on average, so that the sums below lose nothing to numbers that are very large or small.
std::vector<GroupImportance> PerGroup(std::span<const float> importance) {
  std::vector<GroupImportance> groups(importance.size() / kGroupValues, AllTheSame());
  for (size_t g = 0; g < groups.size(); ++g) {
    const Group of_it = importance.subspan(g * kGroupValues, kGroupValues);
    double sum = 0.0;
    for (const float v : of_it) sum += static_cast<double>(v);
    if (sum <= 0.0) continue;
    for (size_t i = 0; i < kGroupValues; ++i) {
      groups[g][i] = static_cast<float>(static_cast<double>(of_it[i]) * kGroupValues / sum);
    }
  }
  return groups;
}

// Codes of 4 bits, and what they stand for: code · scale + minimum.
struct Codes {
  std::array<float, kGroupValues> code{};
  float scale = 0.0F, minimum = 0.0F;  // as f16 keeps them
  float error = 0.0F;                  // summed square, each by its importance

  void Encode(Group x, float by_scale, float from) {
    for (size_t i = 0; i < kGroupValues; ++i) {
      const float shifted = std::clamp((x[i] - from) * by_scale + 0.5F, 0.0F, 15.0F);
      code[i] = static_cast<float>(static_cast<int>(shifted));
    }
  }
  void Measure(Group x, const GroupImportance& importance) {
    Lanes squares;
    for (size_t i = 0; i < kGroupValues; i += Lanes::kCount) {
      for (size_t k = 0; k < Lanes::kCount; ++k) {
        const float off = code[i + k] * scale + minimum - x[i + k];
        squares.lane[k] += importance[i + k] * off * off;
      }
    }
    error = squares.Sum();
  }
  // Scale and minimum of the least error for these codes, then the nearest codes for those. False: there are none.
  bool Improve(Group x, const GroupImportance& importance) {
    Lanes weights, codes, squares, values, products;
    for (size_t i = 0; i < kGroupValues; i += Lanes::kCount) {
      for (size_t k = 0; k < Lanes::kCount; ++k) {
        const float weight = importance[i + k], weighted = weight * code[i + k];
        weights.lane[k] += weight;
        codes.lane[k] += weighted;
        squares.lane[k] += weighted * code[i + k];
        values.lane[k] += weight * x[i + k];
        products.lane[k] += weighted * x[i + k];
      }
    }
    const float n = weights.Sum(), sum = codes.Sum(), of_values = values.Sum();
    const float spread = n * squares.Sum() - sum * sum;
    if (spread <= 0.0F) return false;
    scale = AsHalf((n * products.Sum() - sum * of_values) / spread);
    minimum = AsHalf((squares.Sum() * of_values - sum * products.Sum()) / spread);
    // Where one place counts nearly alone, the spread is what rounding leaves of it.
    if (scale <= 0.0F || !std::isfinite(scale) || !std::isfinite(minimum)) return false;
    Encode(x, 1.0F / scale, minimum);
    Measure(x, importance);
    return true;
  }
};

// The range is cut into a little more or a little fewer than 15 steps: what is clipped costs less than what all others
// gain, or the rounding of the ends costs less. Each cut is improved twice.
void LeastSquaresQ41(Group x, const GroupImportance& importance, std::byte* out) {
  constexpr std::array<float, 6> kSteps = {14.0F, 14.5F, 15.0F, 15.5F, 16.0F, 16.5F};
  constexpr int kTimes = 2;
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  const float range = *high - *low;
  if (range <= 0.0F) return QuantizeQ4_1(x, out);
  Codes best;
  best.scale = AsHalf(range / 15.0F);
  best.minimum = AsHalf(*low);
  best.Encode(x, 15.0F / range, *low);
  best.Measure(x, importance);
  for (const float steps : kSteps) {
    Codes codes;
    codes.Encode(x, steps / range, *low);
    for (int i = 0; i < kTimes && codes.Improve(x, importance); ++i) {
      if (codes.error < best.error) best = codes;
    }
  }
  PutHalf(best.scale, out);
  PutHalf(best.minimum, out + 2);
  PackNibbles(best.code, 1.0F, 0.5F, out + 4);
}

void QuantizeQ8_0(Group x, std::byte* out) {
  float peak = 0.0F;
  for (const float v : x) peak = std::max(peak, std::fabs(v));
  const float d = peak / 127.0F;
  const float inverse = d != 0.0F ? 1.0F / d : 0.0F;
  PutHalf(d, out);
  for (size_t i = 0; i < x.size(); ++i) {
    out[2 + i] = static_cast<std::byte>(static_cast<int8_t>(std::round(x[i] * inverse)));
  }
}

}  // namespace

bool IsImportance(std::span<const float> importance) {
  return std::all_of(importance.begin(), importance.end(),
                     [](float v) { return std::isfinite(v) && v >= 0.0F; });
}

std::vector<std::byte> Quantize(std::span<const float> values, WeightFormat format, GroupFit fit,
                                std::span<const float> importance) {
  PARLEY_CHECK(format != WeightFormat::kI8Row, "rows are not known here");
  const bool grouped = IsGrouped(format);
  const size_t unit_values = grouped ? static_cast<size_t>(kGroupValues) : 1;
  PARLEY_CHECK(values.size() % unit_values == 0, "grouped formats take whole groups of 32");
  PARLEY_CHECK(importance.size() % kGroupValues == 0 && IsImportance(importance) &&
                   (importance.empty() || values.size() % importance.size() == 0),
               "an importance is of whole groups, and the values of whole rows of it");
  const std::vector<GroupImportance> groups =
      importance.empty() ? std::vector{AllTheSame()} : PerGroup(importance);
  std::vector<std::byte> bytes(values.size() / unit_values * UnitBytes(format));
  std::byte* out = bytes.data();
  for (size_t i = 0; i < values.size(); i += unit_values, out += UnitBytes(format)) {
    const Group group = values.subspan(i, unit_values);
    switch (format) {
      case WeightFormat::kF32:
        std::memcpy(out, group.data(), 4);
        break;
      case WeightFormat::kF16:
        PutHalf(group[0], out);
        break;
      case WeightFormat::kBf16: {
        const kernels::Bf16 value = kernels::ToBf16(group[0]);
        std::memcpy(out, &value.bits, 2);
        break;
      }
      case WeightFormat::kQ4_0:
        QuantizeQ4_0(group, out);
        break;
      case WeightFormat::kQ4_1:
        if (fit == GroupFit::kLeastSquares) {
          LeastSquaresQ41(group, groups[i / unit_values % groups.size()], out);
        } else {
          QuantizeQ4_1(group, out);
        }
        break;
      case WeightFormat::kQ8_0:
        QuantizeQ8_0(group, out);
        break;
      case WeightFormat::kI8Row:
        break;
    }
  }
  return bytes;
}

}  // namespace parley::weights

// SPDX-License-Identifier: Apache-2.0
#include "weights/quantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <random>

#include "support/paths.h"
#include "weights/dequantize.h"
#include "weights/weight_format.h"

namespace parley::weights {
namespace {

using kernels::WeightFormat;

std::vector<float> RoundTrip(const std::vector<float>& values, WeightFormat format,
                             GroupFit fit = GroupFit::kRange,
                             const std::vector<float>& importance = {}) {
  const std::vector<std::byte> bytes = Quantize(values, format, fit, importance);
  TensorInfo info;
  info.name = "t";
  info.shape = {static_cast<int64_t>(values.size())};
  info.format = format;
  info.data = bytes.data();
  info.bytes = bytes.size();
  EXPECT_EQ(bytes.size(), ByteCount(format, info.shape).value());
  return *Dequantized(info);
}

// The error of a value is at most one step of its group (half a step of rounding, and what rounding the f16 scale and
// offset moves).
TEST(Quantize, StaysWithinAStepOfEveryGroup) {
  std::mt19937 random(11);
  std::normal_distribution<float> normal(0.0F, 1.0F);
  std::vector<float> values(32 * 64);
  for (float& v : values) v = normal(random);
  for (const auto& [format, steps] : {std::pair{WeightFormat::kQ4_0, 8.0F},
                                      {WeightFormat::kQ4_1, 15.0F},
                                      {WeightFormat::kQ8_0, 127.0F}}) {
    const std::vector<float> back = RoundTrip(values, format);
    for (size_t g = 0; g < values.size(); g += 32) {
      const auto [low, high] = std::minmax_element(&values[g], &values[g] + 32);
      const float peak = std::max(std::fabs(*low), std::fabs(*high));
      const float step = (format == WeightFormat::kQ4_1 ? *high - *low : peak) / steps;
      const float half_rounding = peak * 0x1p-10F;
      for (size_t i = g; i < g + 32; ++i) {
        // q4_0 has no code for +8: the value opposite to the extreme may lose a whole step.
        const float allowed =
            step * (format == WeightFormat::kQ4_0 ? 1.0F : 0.5F) * 1.001F + half_rounding;
        ASSERT_NEAR(back[i], values[i], allowed) << FormatName(format) << " value " << i;
      }
    }
  }
}

// What training sees is rounded by the range; what an update has changed is kept by the least squares.
TEST(Quantize, TheLeastSquaresOfAGroupAreNeverMore) {
  std::mt19937 random(12);
  std::normal_distribution<float> normal(0.02F, 0.05F);
  std::vector<float> values(32 * 500);
  for (float& v : values) v = normal(random);
  values[7] = 1.0F;  // far from the others of its group
  const auto squares = [&](GroupFit fit, size_t group) {
    const std::vector<float> back = RoundTrip(values, WeightFormat::kQ4_1, fit);
    double sum = 0;
    const size_t end = group == 0 ? values.size() : group * 32;
    for (size_t i = group == 0 ? 0 : end - 32; i < end; ++i) {
      sum += std::pow(static_cast<double>(back[i] - values[i]), 2);
    }
    return sum;
  };
  for (size_t group = 1; group <= 20; ++group) {
    EXPECT_LE(squares(GroupFit::kLeastSquares, group), squares(GroupFit::kRange, group)) << group;
  }
  EXPECT_LT(squares(GroupFit::kLeastSquares, 0), 0.85 * squares(GroupFit::kRange, 0));

  std::vector<float> codes(32);
  for (size_t i = 0; i < 32; ++i) codes[i] = 0.5F * static_cast<float>(i % 16) - 4.0F;
  EXPECT_EQ(RoundTrip(codes, WeightFormat::kQ4_1, GroupFit::kLeastSquares), codes);
  const std::vector<float> constant(32, -1.25F);
  EXPECT_EQ(RoundTrip(constant, WeightFormat::kQ4_1, GroupFit::kLeastSquares), constant);
}

// Of a matrix of 100 rows whose input channels carry very different amounts: what reaches the output.
TEST(Quantize, ErrorsAreFewerWhereTheyCountMore) {
  constexpr size_t kIn = 64, kRows = 100;
  std::mt19937 random(13);
  std::normal_distribution<float> normal(0.0F, 0.05F), exponent(0.0F, 1.5F);
  std::vector<float> values(kRows * kIn), importance(kIn);
  for (float& v : values) v = normal(random);
  for (float& v : importance) v = std::exp(exponent(random));
  const auto error = [&](const std::vector<float>& by) {
    const std::vector<float> back =
        RoundTrip(values, WeightFormat::kQ4_1, GroupFit::kLeastSquares, by);
    double sum = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      sum += std::pow(static_cast<double>(back[i] - values[i]), 2) *
             static_cast<double>(importance[i % kIn]);
    }
    return sum;
  };
  EXPECT_LT(error(importance), 0.8 * error({}));

  const auto bytes = [&](float each) {
    return Quantize(values, WeightFormat::kQ4_1, GroupFit::kLeastSquares,
                    std::vector<float>(kIn, each));
  };
  const auto unweighted = Quantize(values, WeightFormat::kQ4_1, GroupFit::kLeastSquares);
  EXPECT_EQ(bytes(0.0F), unweighted);
  EXPECT_EQ(bytes(4e-7F), unweighted);
  // Only what is rounded by least squares asks for it.
  EXPECT_EQ(Quantize(values, WeightFormat::kQ8_0, GroupFit::kLeastSquares, importance),
            Quantize(values, WeightFormat::kQ8_0));

  // One place counts alone, or nearly: a scale would come out of nothing, and all stay within their group's range.
  std::vector<float> alone(kIn, 0.0F);
  alone[5] = 1.0F;
  for (const float others : {0.0F, 1e-12F, 1e-7F}) {
    for (size_t i = 0; i < kIn; ++i) alone[i] = i == 5 ? 1.0F : others;
    EXPECT_TRUE(IsImportance(alone));
    const std::vector<float> back =
        RoundTrip(values, WeightFormat::kQ4_1, GroupFit::kLeastSquares, alone);
    for (size_t i = 0; i < values.size(); ++i) ASSERT_LT(std::fabs(back[i]), 0.5F) << i;
  }
  alone[5] = -1.0F;
  EXPECT_FALSE(IsImportance(alone));
  alone[5] = INFINITY;
  EXPECT_FALSE(IsImportance(alone));
}

TEST(Quantize, KeepsWhatTheFormatHolds) {
  std::vector<float> codes(32);
  for (size_t i = 0; i < 32; ++i)
    codes[i] = 0.5F * static_cast<float>(static_cast<int>(i % 16) - 8);
  EXPECT_EQ(RoundTrip(codes, WeightFormat::kQ4_0), codes);
  EXPECT_EQ(RoundTrip(codes, WeightFormat::kQ4_1), codes);
  codes[0] = 63.5F;  // 127 steps of 0.5
  EXPECT_EQ(RoundTrip(codes, WeightFormat::kQ8_0), codes);
  const std::vector<float> zeros(32, 0.0F);
  for (const WeightFormat f : {WeightFormat::kQ4_0, WeightFormat::kQ4_1, WeightFormat::kQ8_0,
                               WeightFormat::kF16, WeightFormat::kBf16}) {
    EXPECT_EQ(RoundTrip(zeros, f), zeros) << FormatName(f);
  }
  const std::vector<float> constant(32, -1.25F);
  EXPECT_EQ(RoundTrip(constant, WeightFormat::kQ4_1), constant);
}

// The bytes that gguf-py makes of the same values (tests/golden/make_weights_goldens.py).
TEST(Quantize, RoundsAsGgmlDoes) {
  std::vector<float> values(32 * 256);
  for (uint64_t i = 0; i < values.size(); ++i) {
    const double mixed =
        static_cast<double>((i * 2654435761U) % (uint64_t{1} << 32U)) / 0x1p31 - 1.0;
    values[i] = static_cast<float>(mixed * static_cast<double>(1 + i / 32));
  }
  std::ifstream in(test::GoldenDir() + "/weights_goldens.txt");
  std::string kind, name, expected;
  for (int line = 0; line < 3; ++line) {
    ASSERT_TRUE(in >> kind >> name >> expected);
    ASSERT_EQ(kind, "quantized");
    const WeightFormat format = name == "q4_0"   ? WeightFormat::kQ4_0
                                : name == "q4_1" ? WeightFormat::kQ4_1
                                                 : WeightFormat::kQ8_0;
    uint64_t fnv = 14695981039346656037U;
    for (const std::byte b : Quantize(values, format))
      fnv = (fnv ^ static_cast<uint64_t>(b)) * 1099511628211U;
    char found[17];
    std::snprintf(found, sizeof(found), "%016llx", static_cast<unsigned long long>(fnv));
    EXPECT_EQ(found, expected) << name;
  }
}

// Nibble order is part of the format: low nibbles are values 0–15 of a group, high nibbles 16–31.
TEST(Quantize, LaysNibblesOutAsGgml) {
  std::vector<float> values(32, 0.0F);
  values[0] = -8.0F;  // code 0, scale 1
  values[16] = 7.0F;  // code 15
  const std::vector<std::byte> bytes = Quantize(values, WeightFormat::kQ4_0);
  EXPECT_EQ(bytes[2], static_cast<std::byte>(0xF0));
  EXPECT_EQ(bytes[3], static_cast<std::byte>(0x88));
}

}  // namespace
}  // namespace parley::weights

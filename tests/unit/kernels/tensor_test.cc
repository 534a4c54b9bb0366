// Float types and windows of a view.
// SPDX-License-Identifier: Apache-2.0
#include "kernels/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace parley::kernels {
namespace {

TEST(Half, EveryBitPatternSurvivesTheWayThroughFloat) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float v = HalfToFloat(static_cast<uint16_t>(bits));
    if (std::isnan(v)) {
      EXPECT_TRUE(std::isnan(HalfToFloat(FloatToHalf(v))));
    } else {
      EXPECT_EQ(FloatToHalf(v), bits);
    }
  }
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(FloatToHalf(1.0F + 0x1p-11F), 0x3c00);             // a tie goes to the even mantissa
  EXPECT_EQ(FloatToHalf(1.0F + 0x1p-11F + 0x1p-20F), 0x3c01);  // just above it goes up
  EXPECT_EQ(FloatToHalf(1.0F + 3 * 0x1p-11F), 0x3c02);         // a tie from odd goes up
  EXPECT_EQ(FloatToHalf(0x1p-25F), 0x0000);                    // half of the smallest subnormal
  EXPECT_EQ(FloatToHalf(0x1.8p-25F), 0x0001);
  EXPECT_EQ(FloatToHalf(65519.0F), 0x7bff);
  EXPECT_EQ(FloatToHalf(65520.0F), 0x7c00);
  EXPECT_EQ(FloatToHalf(-1e30F), 0xfc00);
}

TEST(Half, KnowsKnownValues) {
  EXPECT_EQ(HalfToFloat(0x3c00), 1.0F);
  EXPECT_EQ(HalfToFloat(0xc000), -2.0F);
  EXPECT_EQ(HalfToFloat(0x3555), 0.333251953125F);
  EXPECT_EQ(HalfToFloat(0x0001), 0x1p-24F);
  EXPECT_TRUE(std::isinf(HalfToFloat(0x7c00)));
}

TEST(Bf16, RoundsToNearestEvenAndKeepsNaN) {
  EXPECT_EQ(ToBf16(1.0F).bits, 0x3f80);
  EXPECT_EQ(ToBf16(1.0F + 0x1p-8F).bits, 0x3f80);
  EXPECT_EQ(ToBf16(1.0F + 3 * 0x1p-8F).bits, 0x3f82);
  EXPECT_EQ(ToBf16(std::numeric_limits<float>::max()).bits, 0x7f80);
  EXPECT_TRUE(std::isnan(ToFloat(ToBf16(std::numeric_limits<float>::quiet_NaN()))));
  for (uint32_t bits = 0; bits < 0x7f80; ++bits) {
    const Bf16 v{static_cast<uint16_t>(bits)};
    EXPECT_EQ(ToBf16(ToFloat(v)).bits, v.bits);
  }
}

TEST(TensorView, WindowsKeepTheStride) {
  float data[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const TensorView all{.data = data, .dtype = DType::kF32, .rows = 3, .cols = 4, .stride = 4};
  const TensorView part = all.Rows(1, 2).Cols(2, 2);
  EXPECT_EQ(part.rows, 2);
  EXPECT_EQ(part.cols, 2);
  EXPECT_EQ(part.F32(0)[0], 6.0F);
  EXPECT_EQ(part.F32(1)[1], 11.0F);
}

TEST(TensorViewDeathTest, RefusesWindowsOutside) {
  float data[4] = {};
  const TensorView all{.data = data, .dtype = DType::kF32, .rows = 2, .cols = 2, .stride = 2};
  EXPECT_DEATH((void)all.Rows(1, 2), "rows outside");
  EXPECT_DEATH((void)all.Cols(2, 1), "columns outside");
}

}  // namespace
}  // namespace parley::kernels

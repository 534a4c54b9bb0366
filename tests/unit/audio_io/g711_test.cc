// SPDX-License-Identifier: Apache-2.0
#include "audio_io/g711.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "features/loudness.h"
#include "support/signals.h"

namespace parley::audio {
namespace {

class G711Of : public ::testing::TestWithParam<G711> {};

TEST_P(G711Of, EveryCodeComesBack) {
  for (int code = 0; code < 256; ++code) {
    const int16_t sample = DecodeG711(GetParam(), static_cast<uint8_t>(code));
    const uint8_t again = EncodeG711(GetParam(), sample);
    // µ-law has two zeros; everything else is one code for one value.
    EXPECT_EQ(DecodeG711(GetParam(), again), sample) << "code " << code;
    if (sample != 0) {
      EXPECT_EQ(again, code);
    }
  }
}

TEST_P(G711Of, ErrorIsWithinHalfAStep) {
  for (int x = -32768; x <= 32767; ++x) {
    const auto sample = static_cast<int16_t>(x);
    const int back = DecodeG711(GetParam(), EncodeG711(GetParam(), sample));
    // Steps are 1/16 of the segment's beginning, which is at most the magnitude plus the bias; the
    // outermost values are clipped.
    const int half_step = std::max(8, (std::abs(x) + 132) / 32 + 1);
    const int clip = std::max(0, std::abs(x) - 32124);
    ASSERT_LE(std::abs(back - x), half_step + clip) << x;
  }
}

TEST_P(G711Of, IsMonotone) {
  int before = -40000;
  for (int x = -32768; x <= 32767; ++x) {
    const int now = DecodeG711(GetParam(), EncodeG711(GetParam(), static_cast<int16_t>(x)));
    ASSERT_GE(now, before) << x;
    before = now;
  }
}

TEST_P(G711Of, CarriesAToneWithThirtyFiveDecibels) {
  const std::vector<float> tone = test::Tone(400, 8000, 0.3, kG711RateHz);
  std::vector<uint8_t> codes(tone.size());
  EncodeG711(GetParam(), tone, codes);
  std::vector<float> back(tone.size());
  DecodeG711(GetParam(), codes, back);
  std::vector<float> error(tone.size());
  for (size_t i = 0; i < tone.size(); ++i) error[i] = back[i] - tone[i];
  EXPECT_GT(features::RmsDbfs(tone) - features::RmsDbfs(error), 35.0f);
}

INSTANTIATE_TEST_SUITE_P(Laws, G711Of, ::testing::Values(G711::kMuLaw, G711::kALaw),
                         [](const auto& law) {
                           return law.param == G711::kMuLaw ? "MuLaw" : "ALaw";
                         });

// Values that every implementation of ITU-T G.711 agrees on.
TEST(G711, KnownValues) {
  EXPECT_EQ(EncodeG711(G711::kMuLaw, 0), 0xFF);
  EXPECT_EQ(EncodeG711(G711::kMuLaw, 32767), 0x80);
  EXPECT_EQ(EncodeG711(G711::kMuLaw, -32768), 0x00);
  EXPECT_EQ(DecodeG711(G711::kMuLaw, 0x80), 32124);
  EXPECT_EQ(DecodeG711(G711::kMuLaw, 0x00), -32124);
  EXPECT_EQ(DecodeG711(G711::kMuLaw, 0x7F), 0);
  EXPECT_EQ(EncodeG711(G711::kALaw, 0), 0xD5);
  EXPECT_EQ(EncodeG711(G711::kALaw, -1), 0x55);
  EXPECT_EQ(EncodeG711(G711::kALaw, 32767), 0xAA);
  EXPECT_EQ(EncodeG711(G711::kALaw, -32768), 0x2A);
  EXPECT_EQ(DecodeG711(G711::kALaw, 0xD5), 8);
  EXPECT_EQ(DecodeG711(G711::kALaw, 0xAA), 32256);
}

}  // namespace
}  // namespace parley::audio

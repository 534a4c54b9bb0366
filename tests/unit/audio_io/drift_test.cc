// SPDX-License-Identifier: Apache-2.0
#include "audio_io/drift.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace parley::audio {
namespace {

// An hour of points a second apart, jittered by up to half a millisecond.
TEST(Drift, FindsASlopeUnderJitter) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> jitter(0, 0.0005);
  for (const double ppm : {200.0, -200.0, 20.0, 0.0}) {
    Drift drift;
    double worst = 0;
    for (int t = 0; t < 3600; ++t) {
      drift.Add(t, 0.3 + t * ppm * 1e-6 + jitter(random));
      if (t > 60) worst = std::max(worst, std::abs(drift.slope() - ppm * 1e-6));
      if (t > 10) {
        EXPECT_NEAR(drift.OffsetAt(t), 0.3 + t * ppm * 1e-6, 0.002);
      }
    }
    EXPECT_LT(worst, 8e-6) << ppm;
  }
}

TEST(Drift, TakesChanceForNone) {
  std::mt19937 random(2);
  std::uniform_real_distribution<double> jitter(0, 0.002);
  Drift drift;
  int moved = 0;
  for (int t = 0; t < 3600; ++t) {
    drift.Add(t, jitter(random));
    moved += drift.slope() != 0 ? 1 : 0;
  }
  EXPECT_LT(moved, 36);
}

TEST(VarispeedReader, OnASampleAndAtFullSpeedGivesBackEverySample) {
  VarispeedReader reader;
  std::vector<float> in(1000), out(700);
  for (size_t i = 0; i < in.size(); ++i) in[i] = std::sin(0.37F * static_cast<float>(i * i % 91));
  reader.Push(in);
  double position = 100;
  ASSERT_TRUE(reader.Read(position, 1, out));
  EXPECT_EQ(position, 800);
  for (size_t i = 0; i < out.size(); ++i) EXPECT_EQ(out[i], in[100 + i]);
}

TEST(VarispeedReader, ReadsBetweenSamples) {
  VarispeedReader reader;
  std::vector<float> in(16000);
  const auto tone = [](double at) { return std::sin(2 * M_PI * 3000 / 16000 * at); };
  for (size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(tone(static_cast<double>(i)));
  reader.Push(in);
  double position = 100.3;
  std::vector<float> out(15000);
  ASSERT_TRUE(reader.Read(position, 1.0002, out));
  for (size_t i = 0; i < out.size(); ++i) {
    ASSERT_NEAR(out[i], tone(100.3 + 1.0002 * static_cast<double>(i)), 1e-3) << i;
  }
}

TEST(VarispeedReader, WaitsForWhatHasNotCome) {
  VarispeedReader reader;
  std::vector<float> out(10);
  double position = 0;
  EXPECT_FALSE(reader.Read(position, 1, out));
  EXPECT_EQ(position, 0);
  reader.Push(std::vector<float>(25));
  EXPECT_FALSE(reader.Read(position, 1, out));  // the filter looks ahead
  reader.Push(std::vector<float>(2));
  EXPECT_TRUE(reader.Read(position, 1, out));
  EXPECT_EQ(position, 10);
}

TEST(VarispeedReader, WhatWasForgottenIsSilence) {
  VarispeedReader reader;
  for (int i = 0; i < 100; ++i) reader.Push(std::vector<float>(1000, 1.0F));
  double position = 10;
  std::vector<float> out(10, 5.0F);
  ASSERT_TRUE(reader.Read(position, 1, out));
  EXPECT_EQ(out, std::vector<float>(10, 0.0F));
}

}  // namespace
}  // namespace parley::audio

// SPDX-License-Identifier: Apache-2.0
#include "features/loudness.h"

#include <gtest/gtest.h>

#include "support/signals.h"
#include "support/stage.h"

namespace parley::features {
namespace {

TEST(Loudness, MeasuresKnownSignals) {
  EXPECT_NEAR(RmsDbfs(std::vector<float>(1600, 1.0f)), 0.0f, 1e-4f);
  EXPECT_NEAR(RmsDbfs(test::Tone(1000, 16000, 1.0)), -3.0103f, 1e-3f);
  EXPECT_NEAR(RmsDbfs(test::Tone(1000, 16000, 0.01)), -43.0103f, 1e-3f);
  EXPECT_EQ(RmsDbfs({}), kSilenceDbfs);
  EXPECT_EQ(RmsDbfs(std::vector<float>(10)), kSilenceDbfs);
  EXPECT_NEAR(AmplitudeOfDbfs(-50.0f), 0.0031623f, 1e-7f);
}

TEST(LoudnessMeter, GivesOneLevelForEachFrame) {
  LoudnessMeter meter(160);
  std::vector<float> sound(160, 0.5f);
  sound.resize(400, 0.1f);
  const std::vector<float> levels = test::RunStage(meter, std::span<const float>(sound), 400);
  ASSERT_EQ(levels.size(), 3u);
  EXPECT_NEAR(levels[0], -6.0206f, 1e-3f);
  EXPECT_NEAR(levels[1], -20.0f, 1e-3f);
  EXPECT_NEAR(levels[2], -20.0f, 1e-3f) << "the flush levels only what is there";
}

TEST(LoudnessMeter, ChunkingDoesNotMatter) {
  LoudnessMeter meter;
  test::ExpectChunkingDoesNotMatter(meter, std::span<const float>(test::Noise(3333)));
}

}  // namespace
}  // namespace parley::features

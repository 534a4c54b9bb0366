// SPDX-License-Identifier: Apache-2.0
#include "app/answer_recorder.h"

#include <gtest/gtest.h>

#include <cmath>

#include "audio_io/sound_file.h"
#include "support/paths.h"

namespace parley::app {
namespace {

constexpr int kRate = 16000;

realtime::AudioOut Sound(int64_t first, size_t samples, float value) {
  return {.samples = std::vector<float>(samples, value),
          .sample_rate_hz = kRate,
          .first_sample = first};
}

Time At(int ms) { return Time(milliseconds(ms)); }

TEST(AnswerRecorder, FindsTheFirstAudibleSampleOnTheInputsClock) {
  auto recorder = AnswerRecorder::Create("", kRate);
  ASSERT_TRUE(recorder.has_value());
  ASSERT_TRUE(recorder->Add(At(1000), Sound(0, 800, 0.001F)).has_value());  // 50 ms below -50 dBFS
  EXPECT_LT(recorder->first_sound_ms(), 0);
  ASSERT_TRUE(recorder->Add(At(1010), Sound(800, 800, 0.5F)).has_value());
  EXPECT_DOUBLE_EQ(recorder->first_sound_ms(), 1050);  // it plays when the first chunk is over
  EXPECT_DOUBLE_EQ(recorder->audio_ms(), 100);
  EXPECT_EQ(recorder->underruns(), 0);
}

TEST(AnswerRecorder, CountsWhatComesAfterItsTurnToPlay) {
  auto recorder = AnswerRecorder::Create("", kRate);
  ASSERT_TRUE(recorder.has_value());
  ASSERT_TRUE(recorder->Add(At(0), Sound(0, 1600, 0.5F)).has_value());
  ASSERT_TRUE(recorder->Add(At(150), Sound(1600, 1600, 0.5F)).has_value());  // 50 ms late
  EXPECT_EQ(recorder->underruns(), 1);
}

TEST(AnswerRecorder, WritesOnlyWhatWasHeardOfAnInterruptedAnswer) {
  test::TempDir dir;
  const std::string path = dir.File("answer.wav");
  auto recorder = AnswerRecorder::Create(path, kRate);
  ASSERT_TRUE(recorder.has_value());
  ASSERT_TRUE(recorder->Add(At(0), Sound(0, 8000, 0.5F)).has_value());  // half a second ahead
  ASSERT_TRUE(recorder->Cut(At(200)).has_value());
  EXPECT_DOUBLE_EQ(recorder->audio_ms(), 200);
  ASSERT_TRUE(recorder->Close().has_value());
  const auto samples = audio::ReadSound(path);
  ASSERT_TRUE(samples.has_value()) << samples.error().message;
  EXPECT_EQ(samples->size(), 3200U);
}

TEST(AnswerRecorder, PutsAPauseBetweenAnswers) {
  test::TempDir dir;
  const std::string path = dir.File("answer.wav");
  auto recorder = AnswerRecorder::Create(path, kRate);
  ASSERT_TRUE(recorder.has_value());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(recorder->NextAnswer().has_value());
    ASSERT_TRUE(recorder->Add(At(i * 5000), Sound(0, 1600, 0.5F)).has_value());
  }
  ASSERT_TRUE(recorder->Close().has_value());
  const auto samples = audio::ReadSound(path);
  ASSERT_TRUE(samples.has_value());
  EXPECT_EQ(samples->size(), 1600U + 8000U + 1600U);
}

TEST(AnswerRecorder, LowersWhatPlaysAlsoWhatWasSentBefore) {
  test::TempDir dir;
  const std::string path = dir.File("answer.wav");
  auto recorder = AnswerRecorder::Create(path, kRate);
  ASSERT_TRUE(recorder.has_value());
  ASSERT_TRUE(recorder->Add(At(0), Sound(0, 16000, 0.5F)).has_value());  // a second, sent at once
  ASSERT_TRUE(recorder->SetGain(At(300), 0.1F).has_value());
  ASSERT_TRUE(recorder->SetGain(At(600), 1).has_value());
  ASSERT_TRUE(recorder->Close().has_value());
  const auto heard = audio::ReadSound(path);
  ASSERT_TRUE(heard.has_value());
  ASSERT_EQ(heard->size(), 16000U);
  const auto at = [&](int ms) { return (*heard)[static_cast<size_t>(ms * kRate / 1000)]; };
  EXPECT_NEAR(at(299), 0.5F, 1e-3F);
  EXPECT_NEAR(at(325), 0.05F, 1e-3F);
  EXPECT_NEAR(at(599), 0.05F, 1e-3F);
  EXPECT_NEAR(at(625), 0.5F, 1e-3F);
  for (size_t i = 1; i < heard->size(); ++i) {
    ASSERT_LT(std::abs((*heard)[i] - (*heard)[i - 1]), 0.01F) << "it clicks at " << i;
  }
}

TEST(AnswerRecorder, ANewAnswerIsNotLowered) {
  test::TempDir dir;
  const std::string path = dir.File("answer.wav");
  auto recorder = AnswerRecorder::Create(path, kRate);
  ASSERT_TRUE(recorder.has_value());
  ASSERT_TRUE(recorder->Add(At(0), Sound(0, 1600, 0.5F)).has_value());
  ASSERT_TRUE(recorder->SetGain(At(0), 0.1F).has_value());
  ASSERT_TRUE(recorder->NextAnswer().has_value());
  ASSERT_TRUE(recorder->Add(At(5000), Sound(0, 1600, 0.5F)).has_value());
  ASSERT_TRUE(recorder->Close().has_value());
  const auto heard = audio::ReadSound(path);
  ASSERT_TRUE(heard.has_value());
  EXPECT_NEAR((*heard)[1500], 0.05F, 1e-3F);
  EXPECT_NEAR(heard->back(), 0.5F, 1e-6F);
}

}  // namespace
}  // namespace parley::app

// SPDX-License-Identifier: Apache-2.0
#include "features/sound_frames.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>

namespace parley::features {
namespace {

std::vector<float> Tone(double seconds, std::initializer_list<double> hz, double gain) {
  std::vector<float> x(static_cast<size_t>(seconds * kSampleRateHz));
  for (size_t i = 0; i < x.size(); ++i) {
    double sum = 0;
    for (const double f : hz) {
      sum += std::sin(2 * std::numbers::pi * f * static_cast<double>(i) / kSampleRateHz);
    }
    x[i] = static_cast<float>(gain * sum);
  }
  return x;
}

std::vector<float> Noise(double seconds, float gain) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0F, gain);
  std::vector<float> x(static_cast<size_t>(seconds * kSampleRateHz));
  for (float& s : x) s = normal(random);
  return x;
}

std::vector<SoundFrame> FramesOf(PcmView x, size_t piece) {
  SoundFrames stage;
  std::vector<SoundFrame> all;
  for (size_t at = 0; at < x.size(); at += piece) {
    const auto frames = stage.Push(x.subspan(at, std::min(piece, x.size() - at)));
    all.insert(all.end(), frames.begin(), frames.end());
  }
  return all;
}

TEST(SoundFrames, AreTheSameHoweverTheSoundIsCut) {
  std::vector<float> x = Tone(0.4, {220, 1320}, 0.1);
  const std::vector<float> noise = Noise(0.4, 0.05F);
  x.insert(x.end(), noise.begin(), noise.end());
  const auto whole = FramesOf(x, x.size());
  EXPECT_EQ(whole.size(), (x.size() - 640) / 160 + 1);
  EXPECT_EQ(FramesOf(x, 7), whole);
  EXPECT_EQ(FramesOf(x, 512), whole);
}

TEST(SoundFrames, ChordsStandStillAndGlidesAndNoiseDoNot) {
  const auto share = [](const std::vector<float>& x) {
    int tonal = 0;
    const auto frames = FramesOf(x, 320);
    for (const SoundFrame& frame : frames) tonal += frame.tonal ? 1 : 0;
    return static_cast<double>(tonal) / static_cast<double>(frames.size());
  };
  EXPECT_GT(share(Tone(2, {440, 554.4, 659.3}, 0.1)), 0.8);
  EXPECT_LT(share(Noise(2, 0.1F)), 0.02);
  EXPECT_EQ(share(std::vector<float>(32000)), 0.0);
  // Overtones of a voice that glides from 120 to 180 Hz in a second.
  std::vector<float> voice(32000);
  double phase = 0;
  for (size_t i = 0; i < voice.size(); ++i) {
    const double t = static_cast<double>(i) / kSampleRateHz;
    phase += (150 + 30 * std::sin(2 * std::numbers::pi * 0.5 * t)) / kSampleRateHz;
    for (int k = 1; k < 20; ++k) {
      voice[i] += static_cast<float>(0.05 * std::sin(2 * std::numbers::pi * k * phase) / k);
    }
  }
  EXPECT_LT(share(voice), 0.25);
}

TEST(SoundFrames, HissIsHighInNoiseAndLowInAVoice) {
  EXPECT_GT(FramesOf(Noise(0.5, 0.1F), 160)[20].hiss_db, 3.0F);
  EXPECT_LT(FramesOf(Tone(0.5, {120, 240, 360}, 0.1), 160)[20].hiss_db, -20.0F);
}

}  // namespace
}  // namespace parley::features

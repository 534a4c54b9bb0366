// SPDX-License-Identifier: Apache-2.0
#include "features/pitch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "audio_io/sound_file.h"
#include "support/paths.h"
#include "support/signals.h"
#include "support/stage.h"

namespace parley::features {
namespace {

std::vector<Pitch> Track(const std::vector<float>& sound) {
  PitchTracker tracker;
  return test::RunStage(tracker, std::span<const float>(sound), sound.size());
}

class PitchOf : public ::testing::TestWithParam<int> {};

TEST_P(PitchOf, FindsToneAndVoicedSpectrum) {
  const double hz = GetParam();
  const std::vector<float> tone = test::Tone(hz, 3200);
  std::vector<float> voice(3200);  // harmonics that fall off as those of a voice do
  for (int h = 1; h <= 10; ++h) {
    const std::vector<float> harmonic = test::Tone(h * hz, 3200, 0.3 / h);
    for (size_t i = 0; i < voice.size(); ++i) voice[i] += harmonic[i];
  }
  for (const std::vector<float>& sound : {tone, voice}) {
    const std::vector<Pitch> pitches = Track(sound);
    ASSERT_EQ(pitches.size(), (3200u - 640u) / 160u + 1u);
    for (const Pitch& pitch : pitches) {
      EXPECT_NEAR(pitch.hz, hz, 0.01 * hz);
      EXPECT_GT(pitch.clarity, 0.9f);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Hz, PitchOf, ::testing::Values(70, 110, 187, 261, 440));

TEST(PitchTracker, HearsNoPitchInNoiseAndSilence) {
  for (const Pitch& pitch : Track(test::Noise(8000, 0.3f))) EXPECT_EQ(pitch.hz, 0.0f);
  for (const Pitch& pitch : Track(std::vector<float>(8000))) EXPECT_EQ(pitch, Pitch{});
  for (const Pitch& pitch : Track(test::Tone(200, 8000, 1e-4))) EXPECT_EQ(pitch.hz, 0.0f);
}

TEST(PitchTracker, HearsAVoiceOverTheHumOfAMachineAndHiss) {
  const std::vector<float> hum = test::Tone(50, 8000, 0.2);
  const std::vector<float> hiss = test::Noise(8000, 0.05f);
  std::vector<float> sound = hum;
  for (int h = 1; h <= 10; ++h) {
    const std::vector<float> harmonic = test::Tone(h * 190, 8000, 0.2 / h);
    for (size_t i = 0; i < sound.size(); ++i) sound[i] += harmonic[i];
  }
  for (size_t i = 0; i < sound.size(); ++i) sound[i] += hiss[i];
  const std::vector<Pitch> pitches = Track(sound);
  for (const Pitch& pitch : std::span(pitches).subspan(5)) EXPECT_NEAR(pitch.hz, 190, 4);
}

// "Will there be vegan options?": the voice starts near 107 Hz and rises to 217 Hz at the end, as a
// question does. Where the estimate is clear it must move smoothly: an octave is no step of a voice.
TEST(PitchTracker, FollowsARealVoice) {
  const auto clip = audio::ReadSound(test::DataDir() + "/speech/conversation/turn_014.flac");
  ASSERT_TRUE(clip) << clip.error().message;
  const std::vector<Pitch> all = Track(*clip);
  ASSERT_GT(all.size(), 175u);
  const std::span<const Pitch> speech = std::span(all).subspan(70, 105);
  std::vector<float> clear;
  int jumps = 0;
  for (size_t i = 1; i < speech.size(); ++i) {
    if (speech[i].clarity < 0.8f) continue;
    clear.push_back(speech[i].hz);
    const float before = speech[i - 1].hz;
    if (speech[i - 1].clarity >= 0.8f && std::abs(speech[i].hz / before - 1.0f) > 0.1f) ++jumps;
  }
  ASSERT_GT(clear.size(), 40u);
  EXPECT_EQ(jumps, 0);
  EXPECT_NEAR(clear.front(), 107.0f, 10.0f);
  EXPECT_NEAR(clear.back(), 213.0f, 15.0f);
  EXPECT_GT(*std::min_element(clear.begin(), clear.end()), 80.0f);
  EXPECT_LT(*std::max_element(clear.begin(), clear.end()), 240.0f);
}

TEST(PitchTracker, ChunkingDoesNotMatter) {
  PitchTracker tracker;
  test::ExpectChunkingDoesNotMatter(tracker, std::span<const float>(test::Tone(150, 2000)));
}

}  // namespace
}  // namespace parley::features

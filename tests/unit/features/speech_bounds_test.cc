// SPDX-License-Identifier: Apache-2.0
#include "features/speech_bounds.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "audio_io/sound_file.h"
#include "support/paths.h"
#include "support/signals.h"

namespace parley::features {
namespace {

std::vector<float> Silence(size_t samples) { return std::vector<float>(samples); }

void Append(std::vector<float>& sound, const std::vector<float>& more) {
  sound.insert(sound.end(), more.begin(), more.end());
}

void ExpectBounds(const std::vector<float>& sound, int first, int last) {
  const auto bounds = FindSpeech(sound);
  ASSERT_TRUE(bounds);
  EXPECT_NEAR(static_cast<double>(bounds->first_sample), first, 160);
  EXPECT_NEAR(static_cast<double>(bounds->last_sample), last, 160);
}

TEST(SpeechBounds, FindsASoundBetweenSilences) {
  std::vector<float> sound = Silence(16000);
  Append(sound, test::Tone(200, 8000));
  Append(sound, Silence(16000));
  ExpectBounds(sound, 16000, 23999);
}

TEST(SpeechBounds, KeepsThePauseBetweenTwoWords) {
  std::vector<float> sound = Silence(8000);
  Append(sound, test::Tone(200, 4000));
  Append(sound, Silence(16000));
  Append(sound, test::Tone(300, 4000));
  Append(sound, Silence(8000));
  ExpectBounds(sound, 8000, 31999);
}

TEST(SpeechBounds, HearsOverBackgroundNoiseAndIgnoresClicks) {
  std::vector<float> sound = test::Noise(64000, 0.003f);  // -55 dBFS
  const std::vector<float> tone = test::Tone(200, 16000, 0.3);
  for (size_t i = 0; i < tone.size(); ++i) sound[16000 + i] += tone[i];
  sound[48000] = 0.9f;  // a click far behind the end
  ExpectBounds(sound, 16000, 31999);
}

TEST(SpeechBounds, FindsNothingWhereNothingIs) {
  EXPECT_EQ(FindSpeech({}), std::nullopt);
  EXPECT_EQ(FindSpeech(Silence(32000)), std::nullopt);
  EXPECT_EQ(FindSpeech(test::Noise(32000, 0.05f)), std::nullopt) << "steady noise is no speech";
  EXPECT_EQ(FindSpeech(test::Tone(100, 32000, 1e-5)), std::nullopt);
}

TEST(SpeechBounds, PiecesGiveTheSameAnswer) {
  std::vector<float> sound = test::Noise(5000, 0.001f);
  Append(sound, test::Tone(200, 9000));
  Append(sound, test::Noise(7000, 0.001f));
  SpeechBoundsSearch search;
  for (size_t at = 0; at < sound.size(); at += 37) {
    search.Push(std::span(sound).subspan(at, std::min<size_t>(37, sound.size() - at)));
  }
  ASSERT_TRUE(search.Find());
  EXPECT_EQ(search.Find(), FindSpeech(sound));
}

// Real voices in a room that rumbles, between digital silences, and silence put around them: where
// the speech ends must not depend on how much of anything surrounds it. The expected ends were found
// by an independent search, with scipy's high-pass and Otsu's threshold on levels that are not binned.
struct RealClip {
  const char* name;
  int first_ms;
  int last_ms;
};
class SpeechBoundsOf : public ::testing::TestWithParam<RealClip> {};

TEST_P(SpeechBoundsOf, RealVoice) {
  const RealClip& expected = GetParam();
  const auto clip = audio::ReadSound(test::DataDir() + "/speech/" + expected.name);
  ASSERT_TRUE(clip) << clip.error().message;
  for (const size_t silence : {0, 16000, 160000}) {
    std::vector<float> sound = Silence(silence);
    Append(sound, *clip);
    Append(sound, Silence(silence));
    const auto bounds = FindSpeech(sound);
    ASSERT_TRUE(bounds);
    const auto origin = static_cast<int64_t>(silence);
    EXPECT_NEAR(static_cast<double>(bounds->first_sample - origin) / 16, expected.first_ms, 30);
    EXPECT_NEAR(static_cast<double>(bounds->last_sample - origin) / 16, expected.last_ms, 30);
  }
}

INSTANTIATE_TEST_SUITE_P(Clips, SpeechBoundsOf,
                         ::testing::Values(RealClip{"conversation/turn_000.flac", 850, 4360},
                                           RealClip{"conversation/turn_012.flac", 880, 5170},
                                           RealClip{"conversation/turn_014.flac", 750, 1750},
                                           RealClip{"conversation/turn_018.flac", 700, 4170},
                                           RealClip{"conversation/turn_028.flac", 1280, 3340}),
                         [](const auto& test) { return "Clip" + std::to_string(test.index); });

}  // namespace
}  // namespace parley::features

// SPDX-License-Identifier: Apache-2.0
#include "app/speech_ruler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace parley::app {
namespace {

void Tone(std::vector<float>& sound, double seconds) {
  for (int i = 0; i < static_cast<int>(seconds * kSampleRateHz); ++i) {
    sound.push_back(0.3F * std::sin(static_cast<float>(i) * 0.2F));
  }
}
void Quiet(std::vector<float>& sound, double seconds) {
  for (int i = 0; i < static_cast<int>(seconds * kSampleRateHz); ++i) {
    sound.push_back((i % 2 == 0 ? 1e-4F : -1e-4F));
  }
}

TEST(SpeechRuler, FindsWhereEachTurnEnded) {
  std::vector<float> sound;
  Quiet(sound, 0.5);
  Tone(sound, 1.0);  // ends at 1.5 s
  Quiet(sound, 2.0);
  SpeechRuler ruler;
  ruler.Push(sound);
  std::vector<float> next;
  Tone(next, 0.3);  // the next turn has begun when it is noticed
  ruler.Push(next);
  const auto first = ruler.NextTurn();
  ASSERT_TRUE(first.has_value());
  EXPECT_NEAR(*first, 1500, 20);
  std::vector<float> rest;
  Tone(rest, 0.7);  // ends at 4.5 s
  Quiet(rest, 2.0);
  ruler.Push(rest);
  const auto second = ruler.Finish();
  ASSERT_TRUE(second.has_value());
  EXPECT_NEAR(*second, 4500, 20);
}

TEST(SpeechRuler, FindsNothingInSilence) {
  std::vector<float> sound;
  Quiet(sound, 3.0);
  SpeechRuler ruler;
  ruler.Push(sound);
  EXPECT_FALSE(ruler.Finish().has_value());
}

}  // namespace
}  // namespace parley::app

// SPDX-License-Identifier: Apache-2.0
#include "support/tone_synthesizer.h"

#include <gtest/gtest.h>

#include <vector>

namespace parley {
namespace {

TEST(ToneSynthesizer, TimesEveryWordExactly) {
  test::ToneSynthesizer voice;
  std::vector<tts::WordSpan> words;
  int64_t samples = 0;
  int lasts = 0;
  const auto sink = [&](tts::SpeechChunk chunk) {
    EXPECT_EQ(chunk.first_sample, samples);
    samples += static_cast<int64_t>(chunk.samples.size());
    words.insert(words.end(), chunk.words.begin(), chunk.words.end());
    lasts += chunk.last ? 1 : 0;
    return true;
  };
  ASSERT_TRUE(voice.Speak(CallerText("One two, three"), {}, sink).has_value());
  EXPECT_EQ(samples, 14 * 1440);
  EXPECT_EQ(lasts, 1);
  ASSERT_EQ(words.size(), 3u);
  EXPECT_EQ(words[1].first_sample, 4 * 1440);
  EXPECT_EQ(words[1].char_begin, 4u);
  EXPECT_EQ(words[1].char_end, 8u);
  EXPECT_EQ(words[2].first_sample, 9 * 1440);
}

TEST(ToneSynthesizer, EndsAnEmptyTextWithOneEmptyChunk) {
  test::ToneSynthesizer voice;
  int chunks = 0;
  const auto sink = [&](tts::SpeechChunk chunk) {
    ++chunks;
    EXPECT_TRUE(chunk.last);
    EXPECT_TRUE(chunk.samples.empty());
    return true;
  };
  ASSERT_TRUE(voice.Speak(CallerText(""), {}, sink).has_value());
  EXPECT_EQ(chunks, 1);
}

TEST(ToneSynthesizer, StopsWhenTheSinkHasEnough) {
  test::ToneSynthesizer voice;
  int chunks = 0;
  const auto status = voice.Speak(CallerText("a long enough text"), {},
                                  [&](const tts::SpeechChunk&) { return ++chunks < 2; });
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, Code::kCancelled);
  EXPECT_EQ(chunks, 2);
}

}  // namespace
}  // namespace parley

// SPDX-License-Identifier: Apache-2.0
#include "realtime/listen/words.h"

#include <gtest/gtest.h>

namespace parley::realtime {
namespace {

TEST(Words, SettleEachOtherWithoutCaseAndPunctuation) {
  EXPECT_EQ(SettledWords(SplitWords("Well, how many"), SplitWords("well how Many, are")), 3U);
  EXPECT_EQ(SettledWords(SplitWords("how many"), SplitWords("how much")), 1U);
  EXPECT_EQ(SettledWords({}, SplitWords("how")), 0U);
  EXPECT_EQ(SettledWords(SplitWords("take 6 steps. Take"), SplitWords("take six steps take seven")),
            4U);
  EXPECT_EQ(SettledWords(SplitWords("take 6"), SplitWords("take seven")), 1U);
  EXPECT_EQ(SettledWords(SplitWords("caf\u00e9"), SplitWords("cafe")), 0U);
}

TEST(Words, SettleBehindANameThatIsWrittenDifferentlyEachTime) {
  const auto settled = [](std::string_view before, std::string_view now) {
    return SettledWords(SplitWords(before), SplitWords(now));
  };
  EXPECT_EQ(
      settled("Teresis says Helene tells the truth", "Teresalize Helene tells the truth. Jamie"),
      5U);
  EXPECT_EQ(settled("Sherry lies. Vernil says Sherry lies", "Sherry lies, Vernon says Sherry lies"),
            6U);
  // Only two words that agree follow: it may all be another reading.
  EXPECT_EQ(settled("Vernil says Sherry", "Vernon says Sherry"), 0U);
  EXPECT_EQ(settled("take 6 steps left take", "take eight steps left take"), 1U);
  EXPECT_EQ(settled("take six steps left", "take 6 steps left take"), 4U);
  EXPECT_EQ(settled("", "how"), 0U);
  EXPECT_EQ(settled("how many are there", "how"), 1U);
}

TEST(Words, SplitAtAnyWhiteSpace) {
  const auto words = SplitWords("  a\tb \n c ");
  ASSERT_EQ(words.size(), 3U);
  EXPECT_EQ(JoinWords(words, 2), "a b");
  EXPECT_EQ(JoinWords(words, 0), "");
}

model::Transcript Said(std::string text, float no_speech, float log_prob) {
  model::Transcript t;
  t.text = std::move(text);
  t.no_speech = no_speech;
  t.log_probs = {log_prob, log_prob};
  return t;
}

struct Case {
  const char* text;
  float no_speech;
  float log_prob;
  int voiced_ms;
  bool words;
};

TEST(Words, NothingIsInventedFromNoise) {
  const Case cases[] = {
      {"", 0.9F, -0.1F, 1000, false},
      {"   ", 0.1F, -0.1F, 1000, false},
      {"[BLANK_AUDIO]", 0.1F, -0.1F, 1000, false},
      {"(wind blowing)", 0.1F, -0.1F, 1000, false},
      {"*sighs*", 0.1F, -0.1F, 1000, false},
      {"\u266a \u266a", 0.1F, -0.1F, 1000, false},
      {"...", 0.1F, -0.1F, 1000, false},
      {"Thank you.", 0.7F, -0.3F, 400, false},
      {"Thank you.", 0.05F, -0.1F, 96, false},
      {"Thank you.", 0.05F, -0.1F, 600, true},
      {"Thanks for watching!", 0.5F, -0.2F, 600, false},
      {"you", 0.4F, -0.2F, 300, false},
      {"Some mumbling words", 0.8F, -1.5F, 900, false},
      {"Some clear words", 0.8F, -0.2F, 900, true},
      {"Bye.", 0.02F, -0.1F, 400, true},
      {"(laughs) that is funny", 0.02F, -0.1F, 900, true},
      {"42", 0.02F, -0.1F, 400, true},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(HoldsWords(Said(c.text, c.no_speech, c.log_prob), milliseconds(c.voiced_ms)), c.words)
        << c.text << " no_speech=" << c.no_speech << " voiced=" << c.voiced_ms;
  }
}

}  // namespace
}  // namespace parley::realtime

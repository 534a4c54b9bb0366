// SPDX-License-Identifier: Apache-2.0
#include "realtime/listen/block_words.h"

#include <gtest/gtest.h>

namespace parley::realtime {
namespace {

std::string Normal(std::string_view text) {
  std::string joined;
  for (const std::string& word : NormalisedWords(text))
    joined += (joined.empty() ? "" : " ") + word;
  return joined;
}

TEST(NormalisedWords, KeepsWhatIsSpokenAndNothingElse) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"...", ""},
      {"How many, conference tracks are there?", "how many conference tracks are there"},
      {"It's the dogs' bone, 'cause I'm hungry.", "it's the dogs bone cause i'm hungry"},
      {"Amelda\u2019s caf\u00e9 \u2014 no", "amelda's caf\u00e9 no"},
      {"\u00c9lan and \u00dcber", "\u00e9lan and \u00fcber"},
      {"I have $5.50, 1,000 apples, and 3:30.", "i have $5.50 1,000 apples and 3:30"},
      {"50% of 3.14.", "50% of 3.14"},
      {"twenty-one well-known", "twenty one well known"},
      {"What is 12 + 7?", "what is 12 plus 7"},
      {"What is 12+7 \u00d7 2?", "what is 12 plus 7 times 2"},
      {"9 \u00f7 3 = 3", "9 divided by 3 equals 3"},
      {"12 - 7", "12 minus 7"},
      {"2020-2021", "2020 2021"},
      {"- a list", "a list"},
      {"3 p.m. in the U.S. today", "3 pm in the us today"},
      {"half is 1/2, and/or", "half is 1/2 and or"},
      {"end.Next", "endnext"},
      {"wait...what", "wait what"},
      {"bad \xff\xfe byte", "bad byte"},
      {"\xe2\x82", ""},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(Normal(text), expected) << text;
}

TEST(NormalisedWords, SaysTheSameOfItsOwnWords) {
  for (const char* text : {"It's 3:30, $5.50 and 50% of 1/2.", "U.S. caf\u00e9", "12 + 7"}) {
    EXPECT_EQ(Normal(Normal(text)), Normal(text));
  }
}

TEST(WordsToNote, LeavesACountForTheBlockOfWhatItCounts) {
  const auto count = [](const char* text) { return WordsToNote(NormalisedWords(text)); };
  EXPECT_EQ(count("I have a stove, two tables, three"), 6U);
  EXPECT_EQ(count("a cow and a"), 2U);
  EXPECT_EQ(count("take 3"), 1U);
  EXPECT_EQ(count("take 3 steps"), 3U);
  EXPECT_EQ(count("and the"), 0U);
}

TEST(NextBlockStep, ClosesWhenFullOrAtAPause) {
  EXPECT_EQ(NextBlockStep(4, 5, false, false), BlockStep::kWait);
  EXPECT_EQ(NextBlockStep(5, 5, false, false), BlockStep::kClose);
  EXPECT_EQ(NextBlockStep(1, 5, true, false), BlockStep::kWait);
  EXPECT_EQ(NextBlockStep(2, 5, true, false), BlockStep::kClose);
  EXPECT_EQ(NextBlockStep(9, 5, true, true), BlockStep::kWait);
  EXPECT_EQ(NextBlockStep(10, 5, false, true), BlockStep::kCutNoteAndClose);
}

size_t Noted(const char* noted, const char* final_text) {
  return WordsNoted(NormalisedWords(noted), NormalisedWords(final_text));
}

TEST(WordsNoted, FindsWhereTheTailBegins) {
  EXPECT_EQ(Noted("", "a b"), 0U);
  EXPECT_EQ(Noted("a b c", ""), 0U);
  EXPECT_EQ(Noted("a b", "a b c d"), 2U);
  EXPECT_EQ(Noted("a b x", "a b c d"), 3U) << "x is what c was heard as";
  EXPECT_EQ(Noted("millis in to", "millicent likes tea"), 3U);
  EXPECT_EQ(Noted("a b c", "a x b c d"), 4U) << "a word was missed";
  EXPECT_EQ(Noted("a a b c", "a b c d"), 3U) << "a word was heard twice";
  EXPECT_EQ(Noted("a b c", "a b"), 2U);
}

TEST(FirstCorrected, FindsTheBlockThatReadsOtherwise) {
  const std::vector<size_t> sizes = {2, 3};
  const std::vector<std::string> noted = {"i", "have", "account", "3", "mice"};
  EXPECT_EQ(FirstCorrected(sizes, noted, {"i", "have", "account", "three", "mice", "and"}),
            std::nullopt);
  EXPECT_EQ(FirstCorrected(sizes, noted, {"i", "have", "a", "cow", "three", "mice"}), 1U);
  EXPECT_EQ(FirstCorrected(sizes, noted, {"i", "had", "account", "3", "mice"}), 0U);
  EXPECT_EQ(FirstCorrected(sizes, noted, {"i", "had"}), std::nullopt);
}

}  // namespace
}  // namespace parley::realtime

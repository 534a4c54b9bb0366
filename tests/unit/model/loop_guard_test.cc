// SPDX-License-Identifier: Apache-2.0
#include "model/loop_guard.h"

#include <gtest/gtest.h>

#include <string>

namespace parley::model {
namespace {

std::string Kept(const std::string& text, size_t fair_words = 0) {
  const auto keep = FindLoop(text, fair_words);
  return keep ? text.substr(0, *keep) : text;
}

TEST(LoopGuard, LeavesOrdinarySpeechAlone) {
  for (const std::string text :
       {"", "Yes.", "Yes, yes.", "No, no, no!", "I said that that was fine.",
        "Ask not what your country can do for you, ask what you can do for your country.",
        "One two one two three", "bye-bye bye-bye", " - and - "}) {
    EXPECT_EQ(Kept(text), text);
  }
}

TEST(LoopGuard, LeavesAPhraseSaidTwiceAloneWhenThereWasTimeForIt) {
  for (const std::string text :
       {"Take 4 steps forward. Take 4 steps forward.",
        "Take two steps left. Take two steps left. Take two steps left.",
        "is a cause of real fit lipstick nine. is a cause of real fit lipstick nine"}) {
    EXPECT_EQ(Kept(text, 40), text);
  }
  EXPECT_EQ(Kept("When is it open? When is it open?", 7), "When is it open?");
  EXPECT_EQ(Kept("When is it open? When is it open?", 8), "When is it open? When is it open?");
  EXPECT_EQ(Kept("is it is it open is it open", 40), "is it is it open is it open");
}

TEST(LoopGuard, CutsAPhraseOfThreeWordsThatFollowsItselfInAHurry) {
  EXPECT_EQ(Kept("When is it open? When is it open?"), "When is it open?");
  EXPECT_EQ(Kept("Well, I am here. I am HERE, I am here"), "Well, I am here.");
}

TEST(LoopGuard, CutsAShortPhraseSaidFourTimes) {
  EXPECT_EQ(Kept("thank you thank you thank you"), "thank you thank you thank you");
  EXPECT_EQ(Kept("thank you. Thank you. Thank you. Thank you."), "thank you.");
  EXPECT_EQ(Kept("so no no no no no"), "so no");
  EXPECT_EQ(Kept("a b c d a b c d a b c d a b c d", 1000), "a b c d");
}

TEST(LoopGuard, CutsAtTheFirstLoopOfALongText) {
  std::string text = "Let us go then";
  for (int i = 0; i < 30; ++i) text += " you and I and you and I";
  EXPECT_EQ(Kept(text), "Let us go then you and I and you and I");
}

TEST(LoopGuard, ComparesWordsOfOtherAlphabetsByTheirBytes) {
  EXPECT_EQ(Kept("über den Fluss über den Fluss"), "über den Fluss");
}

TEST(LoopGuard, CountsWhatHasALetterOrAFigure) {
  EXPECT_EQ(CountWords(""), 0U);
  EXPECT_EQ(CountWords(" ... - ?"), 0U);
  EXPECT_EQ(CountWords(" Am I 7, yes?"), 4U);
}

TEST(LoopGuard, KnowsWhatSaysTheLastPhraseAgain) {
  EXPECT_TRUE(SaysAgain("My name is Ann. Do I sound slow?", " do I sound slow"));
  EXPECT_TRUE(SaysAgain("the pad and do I sound slow?", " And do I sound slow? Yes."));
  EXPECT_FALSE(SaysAgain("Do I sound slow?", " Do I sound fast?"));
  EXPECT_FALSE(SaysAgain("yes or", " yes or"));  // two words may be meant
  EXPECT_FALSE(SaysAgain("", " Do I sound slow?"));
}

}  // namespace
}  // namespace parley::model

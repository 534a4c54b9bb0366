// SPDX-License-Identifier: Apache-2.0
#include "app/grading.h"

#include <gtest/gtest.h>

namespace parley::app {
namespace {

bool Right(const GradingRule& rule, std::string_view answer) {
  const auto grade = GradeAnswer(rule, answer);
  EXPECT_TRUE(grade.has_value());
  return grade->right;
}

TEST(Grading, ReadsNumbersInFiguresAndInWords) {
  const std::pair<const char*, std::optional<int64_t>> cases[] = {
      {"I count eleven objects.", 11},
      {"You have 11.", 11},
      {"Twenty-one, I think.", 21},
      {"That makes two hundred and five.", 205},
      {"a thousand", std::nullopt},
      {"one thousand", 1000},
      {"1,250 metres", 1250},
      {"There are three, not four.", 3},
      {"None.", std::nullopt},
      {"someone", std::nullopt},
      {"forty two", 42},
      {"twenty ten", 20},
  };
  for (const auto& [text, number] : cases) EXPECT_EQ(FirstNumber(text), number) << text;
}

TEST(Grading, HoldsEveryRule) {
  EXPECT_TRUE(Right({.number = 8}, "There are eight fruits."));
  EXPECT_FALSE(Right({.number = 8}, "There are 9 fruits."));
  EXPECT_TRUE(Right({.begins = "no"}, "No, you are not."));
  EXPECT_FALSE(Right({.begins = "no"}, "Nobody knows."));
  EXPECT_TRUE(Right({.accept = {"paris"}}, "It is Paris."));
  EXPECT_FALSE(Right({.accept = {"paris"}}, ""));
  EXPECT_FALSE(Right({.accept = {"\\bno\\b"}, .forbid = {"safe"}}, "No, it is safe."));
  EXPECT_TRUE(GradeAnswer({.accept = {"x"}, .forbid = {"^yes"}}, "Yes, it is.")->forbidden);
  EXPECT_TRUE(Right({.accept = {"\\b12\\b"}}, "Seven plus five is twelve."));
  EXPECT_TRUE(Right({.accept = {"twelve"}}, "It is 12."));
  EXPECT_TRUE(Right({.accept = {"twenty-one"}}, "It is twenty one."));
}

TEST(Grading, NamesAnExpressionThatIsNone) {
  const auto grade = GradeAnswer({.accept = {"(open"}}, "open");
  ASSERT_FALSE(grade.has_value());
  EXPECT_NE(grade.error().message.find("\"(open\""), std::string::npos);
}

TEST(Grading, IntervalIsWilsons) {
  const Share share = IntervalOf(8, 10);
  EXPECT_NEAR(share.low, 0.4902, 0.001);
  EXPECT_NEAR(share.high, 0.9433, 0.001);
  EXPECT_EQ(IntervalOf(0, 0).high, 1.0);
  EXPECT_EQ(IntervalOf(0, 20).low, 0.0);
}

}  // namespace
}  // namespace parley::app

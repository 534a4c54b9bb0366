// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/style.h"

#include <gtest/gtest.h>

#include <fstream>

#include "support/paths.h"
#include "support/scripted_mind.h"

namespace parley::realtime {
namespace {

class StyleTest : public testing::Test {
 protected:
  std::string Refused(const std::string& json) {
    const auto style = ParseStyle(json, tokenizer);
    EXPECT_FALSE(style) << json;
    return style ? "" : style.error().message;
  }
  test::WordTokenizer tokenizer{test::ThinkingSpecials()};
};

TEST_F(StyleTest, WhatIsAbsentHasTheValueOfTheContract) {
  const auto style = ParseStyle(R"({"format": 1, "style": "interleaved"})", tokenizer);
  ASSERT_TRUE(style) << style.error().message;
  EXPECT_EQ(style->style, ThinkingStyle::kInterleaved);
  EXPECT_EQ(style->marks.listen, 3);
  EXPECT_EQ(style->marks.tool_result_end, 13);
  EXPECT_EQ(style->block_words, 5);
  EXPECT_EQ(style->note_tokens, 24);
  EXPECT_EQ(style->acoustic_marks.size(), 11U);
}

TEST_F(StyleTest, EveryKeyIsRead) {
  const auto style = ParseStyle(
      R"({"format": 1, "style": "interleaved", "marks": {"listen": 4, "after": 3},
          "block_words": 7, "note_tokens": 30, "final_tokens": 50, "answer_tokens": 40,
          "acoustic_marks": ["loud"], "system": "Be parley."})",
      tokenizer);
  ASSERT_TRUE(style) << style.error().message;
  EXPECT_EQ(style->marks.listen, 4);
  EXPECT_EQ(style->marks.after, 3);
  EXPECT_EQ(style->block_words, 7);
  EXPECT_EQ(style->note_tokens, 30);
  EXPECT_EQ(style->final_tokens, 50);
  EXPECT_EQ(style->answer_tokens, 40);
  EXPECT_EQ(style->acoustic_marks, std::vector<std::string>{"loud"});
  EXPECT_EQ(style->system, "Be parley.");
}

TEST_F(StyleTest, WrongFilesAreRefusedWithTheKey) {
  EXPECT_NE(Refused("notes").find("JSON object"), std::string::npos);
  EXPECT_NE(Refused(R"({"format": 2})").find("format 2"), std::string::npos);
  EXPECT_NE(Refused(R"({"format": 1})").find("style"), std::string::npos);
  EXPECT_NE(Refused(R"({"format": 1, "style": "dreaming"})").find("dreaming"), std::string::npos);
  EXPECT_NE(Refused(R"({"format": 1, "style": "none", "blok_words": 3})").find("blok_words"),
            std::string::npos);
  EXPECT_NE(Refused(R"({"format": 1, "style": "none", "block_words": 0})").find("1 to 64"),
            std::string::npos);
  EXPECT_NE(Refused(R"({"format": 1, "style": "none", "block_words": "x"})").find("number"),
            std::string::npos);
  EXPECT_NE(Refused(R"({"format": 1, "style": "interleaved", "marks": {"note": 4}})")
                .find("another mark"),
            std::string::npos);
  EXPECT_NE(Refused(R"({"format": 1, "style": "interleaved", "marks": {"note": 99}})")
                .find("no special token"),
            std::string::npos);
  EXPECT_NE(Refused(R"({"format": 1, "style": "interleaved", "marks": {"nota": 6}})").find("nota"),
            std::string::npos);
  EXPECT_NE(Refused(R"({"format": 1, "style": "interleaved", "marks": 7})").find("marks"),
            std::string::npos);
  EXPECT_NE(Refused(R"({"format": 1, "style": "none", "acoustic_marks": [1]})").find("1"),
            std::string::npos);
  EXPECT_NE(Refused(R"({"format": 1, "style": "none", "system": 1})").find("system"),
            std::string::npos);
}

TEST_F(StyleTest, StandsBesideTheWeights) {
  test::TempDir dir;
  const auto none = ReadStyle(dir.File("weights.gguf"), tokenizer);
  ASSERT_TRUE(none);
  EXPECT_EQ(none->style, ThinkingStyle::kNone);
  std::ofstream(dir.File("style.json")) << R"({"format": 1, "style": "drafted"})";
  const auto drafted = ReadStyle(dir.File("weights.gguf"), tokenizer);
  ASSERT_TRUE(drafted);
  EXPECT_EQ(drafted->style, ThinkingStyle::kDrafted);
  std::ofstream(dir.File("style.json")) << "{";
  const auto broken = ReadStyle(dir.File("weights.gguf"), tokenizer);
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find("style.json"), std::string::npos);
}

}  // namespace
}  // namespace parley::realtime

// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/stream_reader.h"

#include <gtest/gtest.h>

#include "realtime/mind/thought_form.h"
#include "support/scripted_mind.h"

namespace parley::realtime {
namespace {

class StreamReaderTest : public testing::Test {
 protected:
  struct All {
    std::string thought, said;
    std::vector<TokenId> ids;
    std::vector<Result<ToolCall>> calls;
  };
  All Read(StreamReader& reader, const std::vector<TokenId>& ids) {
    All all;
    const auto take = [&](StreamReader::Read read) {
      all.thought += read.thought;
      for (const SpokenToken& token : read.spoken) {
        if (token.text) all.said += token.text->view();
        if (token.id) all.ids.push_back(*token.id);
      }
      if (read.call) all.calls.push_back(*read.call);
    };
    for (const TokenId id : ids) take(reader.Push(id));
    take(reader.End());
    return all;
  }
  std::vector<TokenId> Ids(const std::string& text) {
    return tokenizer->Encode(text, model::SpecialTokens::kParse);
  }

  std::shared_ptr<test::WordTokenizer> tokenizer =
      std::make_shared<test::WordTokenizer>(test::ThinkingSpecials());
  ThoughtForm notes{tokenizer, {1}, StyleMarks()};
  ThoughtForm tags{tokenizer, {1}, std::nullopt};
};

TEST_F(StreamReaderTest, WhatIsSaidKeepsItsIds) {
  StreamReader reader(tokenizer, tags.Parser(true, false));
  const All all = Read(reader, Ids("one two\n</think>\nIt is three."));
  EXPECT_EQ(all.thought, "one two\n");
  EXPECT_EQ(all.said, "It is three.");
  EXPECT_EQ(all.ids, Ids("It is three."));  // and not the line end before it
}

TEST_F(StreamReaderTest, AMarkEndsAThought) {
  StreamReader reader(tokenizer, notes.Parser(true, false));
  const All all = Read(reader, Ids(" one two{answer}It is three."));
  EXPECT_EQ(all.thought, " one two");
  EXPECT_EQ(all.said, "It is three.");
  EXPECT_EQ(all.ids, Ids("It is three."));
}

TEST_F(StreamReaderTest, AContinuationKeepsItsFirstBlank) {
  StreamReader reader(tokenizer, tags.Parser(false, true));
  const All all = Read(reader, Ids(" and four."));
  EXPECT_EQ(all.said, " and four.");
  EXPECT_EQ(all.ids, Ids(" and four."));
}

TEST_F(StreamReaderTest, AThoughtInsideAnAnswerLeavesNoIds) {
  StreamReader reader(tokenizer, tags.Parser(false, false));
  const All all = Read(reader, Ids("It is<think> one two</think> three, < four."));
  EXPECT_EQ(all.thought, " one two");
  EXPECT_EQ(all.said, "It is three, < four.");
  EXPECT_EQ(all.ids, Ids("It is three, < four."));
}

// A vocabulary may hold ">Yes": one token that ends the thought and begins the answer.
class StraddlingTokenizer final : public model::Tokenizer {
 public:
  std::vector<TokenId> Encode(std::string_view text, model::SpecialTokens) const override {
    return text == "Yes" ? std::vector<TokenId>{3} : std::vector<TokenId>{};
  }
  std::string_view Bytes(TokenId id) const override {
    constexpr std::string_view kPieces[] = {"hm", "</think", ">Yes", "Yes", "."};
    return kPieces[id];
  }
  std::optional<TokenId> Find(std::string_view) const override { return std::nullopt; }
  bool IsSpecial(TokenId) const override { return false; }
  int32_t vocabulary() const override { return 5; }
};

TEST_F(StreamReaderTest, ATokenThatIsHalfThoughtIsReplacedByItsAnswersPart) {
  const auto straddling = std::make_shared<StraddlingTokenizer>();
  StreamReader reader(straddling, tags.Parser(true, false));
  const All all = Read(reader, {0, 1, 2, 4});
  EXPECT_EQ(all.thought, "hm");
  EXPECT_EQ(all.said, "Yes.");
  EXPECT_EQ(all.ids, (std::vector<TokenId>{3, 4}));
}

TEST_F(StreamReaderTest, CallsAreFoundBetweenMarksAndBetweenTags) {
  StreamReader marks(tokenizer, notes.Parser(true, false));
  const All by_id = Read(
      marks, Ids(R"( hm{tool_call}{"name":"time","arguments":{}}{tool_call_end} so{answer}Noon.)"));
  ASSERT_EQ(by_id.calls.size(), 1U);
  ASSERT_TRUE(by_id.calls[0]) << by_id.calls[0].error().message;
  EXPECT_EQ(by_id.calls[0]->name, "time");
  EXPECT_EQ(by_id.thought, " hm so");
  EXPECT_EQ(by_id.said, "Noon.");

  StreamReader text(tokenizer, tags.Parser(true, false));
  const All by_tag = Read(
      text, Ids("hm<tool_call>{\"name\":\"time\",\"arguments\":{\"of\":\"</think>\"}}</tool_call>"
                "so</think>Noon."));
  ASSERT_EQ(by_tag.calls.size(), 1U);
  ASSERT_TRUE(by_tag.calls[0]) << by_tag.calls[0].error().message;
  EXPECT_EQ(by_tag.thought, "hmso");
  EXPECT_EQ(by_tag.said, "Noon.");
}

TEST_F(StreamReaderTest, ACallInAnAnswerIsNotSaid) {
  StreamReader reader(tokenizer, tags.Parser(false, false));
  const All all =
      Read(reader, Ids("Well.<tool_call>{\"name\":\"time\",\"arguments\":{}}</tool_call> Noon."));
  EXPECT_EQ(all.said, "Well. Noon.");
  EXPECT_EQ(all.calls.size(), 1U);
}

TEST_F(StreamReaderTest, HalfATagLeavesNoIds) {
  StreamReader reader(tokenizer, tags.Parser(false, false));
  const All all = Read(reader, Ids("Well.<tool_call"));
  EXPECT_EQ(all.said, "Well.");
  EXPECT_EQ(all.ids, Ids("Well."));
}

TEST_F(StreamReaderTest, PhrasesAreSpelledWholly) {
  for (const Phrase phrase :
       {Phrase::kCover, Phrase::kToolCover, Phrase::kToolFailed, Phrase::kCorrection}) {
    std::string text;
    for (const SpokenToken& token : Spell(phrase, *tokenizer)) {
      ASSERT_TRUE(token.text && token.id);
      EXPECT_EQ(token.text->view(), tokenizer->Bytes(*token.id));
      text += token.text->view();
    }
    EXPECT_EQ(text, AnswerParser::Spoken(phrase).view());
    EXPECT_GT(text.size(), 5U);
  }
}

}  // namespace
}  // namespace parley::realtime

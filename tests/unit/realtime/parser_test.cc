// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/parser.h"

#include <gtest/gtest.h>

#include <random>
#include <type_traits>

#include "support/word_tokenizer.h"

namespace parley::realtime {
namespace {

static_assert(!std::is_convertible_v<ThoughtText, AnswerText>);
static_assert(!std::is_constructible_v<AnswerText, ThoughtText>);
static_assert(!std::is_constructible_v<AnswerText, std::string>);
static_assert(!std::is_constructible_v<AnswerText, CallerText>);

// Every byte is an id: a tokenizer that splits everything, characters too.
class ByteTokenizer final : public model::Tokenizer {
 public:
  ByteTokenizer() {
    for (int i = 0; i < 256; ++i) bytes_[static_cast<size_t>(i)] = static_cast<char>(i);
  }
  std::vector<TokenId> Encode(std::string_view text, model::SpecialTokens) const override {
    std::vector<TokenId> ids;
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
    return ids;
  }
  std::string_view Bytes(TokenId id) const override {
    return id < 256 ? std::string_view(&bytes_[static_cast<size_t>(id)], 1) : std::string_view();
  }
  std::optional<TokenId> Find(std::string_view) const override { return std::nullopt; }
  bool IsSpecial(TokenId id) const override { return id >= 256; }
  int32_t vocabulary() const override { return 300; }

 private:
  std::array<char, 256> bytes_{};
};

struct Split {
  std::string answer, thought;
};

Split Parse(AnswerParser& parser, const std::vector<TokenId>& ids) {
  Split split;
  const auto take = [&](const std::vector<AnswerParser::Piece>& pieces) {
    for (const auto& piece : pieces) {
      if (const auto* a = std::get_if<AnswerText>(&piece)) split.answer += a->view();
      if (const auto* t = std::get_if<ThoughtText>(&piece)) split.thought += t->ForTrace();
    }
  };
  for (const TokenId id : ids) take(parser.Push(id));
  take(parser.Flush());
  return split;
}

Split ParseBytes(const std::string& text, bool in_thought = false) {
  const auto tokenizer = std::make_shared<ByteTokenizer>();
  ParserOptions options;
  options.begins_in_thought = in_thought;
  AnswerParser parser(tokenizer, options);
  return Parse(parser, tokenizer->Encode(text, model::SpecialTokens::kAsText));
}

TEST(AnswerParser, SplitsThoughtFromAnswer) {
  const Split s = ParseBytes("<think>add them</think>\n\nIt is 12.");
  EXPECT_EQ(s.thought, "add them");
  EXPECT_EQ(s.answer, "It is 12.");
}

TEST(AnswerParser, BeginsInThoughtWhenThePromptDid) {
  const Split s = ParseBytes("add them\n</think>\nIt is 12.", true);
  EXPECT_EQ(s.thought, "add them\n");
  EXPECT_EQ(s.answer, "It is 12.");
}

TEST(AnswerParser, ACloseWithoutAnOpeningIsNotSpoken) {
  EXPECT_EQ(ParseBytes("It is 12.</think> Yes.").answer, "It is 12. Yes.");
}

TEST(AnswerParser, AnOpenThoughtIsNeverAnswer) {
  const Split s = ParseBytes("Well.<think>hmm, let me see");
  EXPECT_EQ(s.answer, "Well.");
  EXPECT_EQ(s.thought, "hmm, let me see");
}

TEST(AnswerParser, WhatLooksLikeATagAndIsNoneIsText) {
  EXPECT_EQ(ParseBytes("a <th b </thin c < d").answer, "a <th b </thin c < d");
}

// A budget, a stop or a model's own end may fall inside a tag; nobody meant to say half of it.
TEST(AnswerParser, HalfATagAtTheEndIsNotSaid) {
  for (const std::string tag : {"<think>", "</think>", "<tool_call>", "</tool_call>"}) {
    for (size_t n = 2; n <= tag.size(); ++n) {
      EXPECT_EQ(ParseBytes("It is 12." + tag.substr(0, n)).answer, "It is 12.") << n;
    }
  }
  EXPECT_EQ(ParseBytes("3 is < 5 and 5 is <").answer, "3 is < 5 and 5 is <");
  EXPECT_EQ(ParseBytes("<<tool").answer, "<");
  EXPECT_EQ(ParseBytes("so it is <tool_c", true).thought, "so it is <tool_c");
}

TEST(AnswerParser, SpecialTokensNeverPass) {
  const auto tokenizer = std::make_shared<ByteTokenizer>();
  AnswerParser parser(tokenizer, {});
  EXPECT_EQ(Parse(parser, {'H', 260, 'i', 299}).answer, "Hi");
  EXPECT_EQ(parser.special_dropped(), 2);
}

// A model that takes notes may write a tag into one: it is not the end of the thought.
TEST(AnswerParser, ATagDoesNotCloseWhatAMarkHasOpened) {
  const auto tokenizer = std::make_shared<ByteTokenizer>();
  ParserOptions options;
  options.begins_in_thought = true;
  options.close_id = 270;
  AnswerParser parser(tokenizer, options);
  std::vector<TokenId> ids;
  const auto write = [&](const std::string& text) {
    const auto more = tokenizer->Encode(text, model::SpecialTokens::kAsText);
    ids.insert(ids.end(), more.begin(), more.end());
  };
  write("a</think>b<think>c</think>d");
  ids.push_back(270);
  write("Yes.<think>e</think> No.");
  const Split split = Parse(parser, ids);
  EXPECT_EQ(split.thought, "abcde");
  EXPECT_EQ(split.answer, "Yes. No.");
}

TEST(AnswerParser, KnowsWhenNothingIsHeldBack) {
  const auto tokenizer = std::make_shared<ByteTokenizer>();
  AnswerParser parser(tokenizer, {});
  parser.Push('a');
  EXPECT_TRUE(parser.clean());
  parser.Push('<');
  EXPECT_FALSE(parser.clean());
  parser.Push('b');
  EXPECT_TRUE(parser.clean());
  parser.Push(0xC3);  // the first half of a character
  EXPECT_FALSE(parser.clean());
  parser.Push(0xA9);
  EXPECT_TRUE(parser.clean());
}

// Streams of tags, texts and characters: whatever stands between an opening and a closing tag is
// thought, all else is answer, and tokens of any length change nothing.
TEST(AnswerParser, NoThoughtPassesHoweverTheStreamIsSplit) {
  std::mt19937 random(11);
  const std::vector<std::string> parts = {"SAY",    " say it ", "<", "</", "caf\u00e9",
                                          "<think", "think>",   ">", "\n", "\u2026"};
  const auto words = std::make_shared<test::WordTokenizer>();
  for (int round = 0; round < 2000; ++round) {
    std::string text, answer;
    bool thought = false;
    for (int i = 0; i < 12; ++i) {
      const auto pick = random() % 4;
      if (pick == 0) {
        text += thought ? "</think>" : "<think>";
        thought = !thought;
        continue;
      }
      const std::string part = thought ? "SECRET" : parts[random() % 2];
      text += part;
      if (!thought) answer += part;
    }
    const size_t first = answer.find_first_not_of(" \n");
    answer = first == std::string::npos ? "" : answer.substr(first);
    const Split bytes = ParseBytes(text);
    EXPECT_EQ(bytes.answer.find("SECRET"), std::string::npos) << text;
    EXPECT_EQ(bytes.answer, answer) << text;
    AnswerParser parser(words, {});
    EXPECT_EQ(Parse(parser, words->Encode(text)).answer, answer) << text;
  }
}

size_t HalfTag(const std::string& text) {
  size_t half = 0;
  for (const std::string tag : {"<think>", "</think>"}) {
    for (size_t n = 2; n < tag.size(); ++n) {
      if (text.ends_with(tag.substr(0, n))) half = std::max(half, n);
    }
  }
  return half;
}

// What a stream means, read all at once.
Split Whole(std::string text) {
  Split split;
  bool thought = false;
  for (;;) {
    const size_t open = text.find("<think>"), close = text.find("</think>");
    const size_t at = std::min(open, close);
    if (at == std::string::npos && !thought) text.erase(text.size() - HalfTag(text));
    (thought ? split.thought : split.answer) += text.substr(0, at);
    if (at == std::string::npos) break;
    thought = open < close;
    text.erase(0, at + (thought ? 7 : 8));
  }
  const size_t first = split.answer.find_first_not_of(" \n");
  split.answer = first == std::string::npos ? "" : split.answer.substr(first);
  return split;
}

TEST(AnswerParser, AHostileStreamMeansTheSameInPieces) {
  std::mt19937 random(5);
  const std::vector<std::string> parts = {"a", "<", "</",     "<think>", "</think>",
                                          ">", " ", "<think", "think>",  "\u2026"};
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int i = 0; i < 20; ++i) text += parts[random() % parts.size()];
    const Split streamed = ParseBytes(text);
    EXPECT_EQ(streamed.answer, Whole(text).answer) << text;
    EXPECT_EQ(streamed.thought, Whole(text).thought) << text;
  }
}

TEST(AnswerParser, TakesBytesThatAreNoText) {
  std::mt19937 random(6);
  const auto tokenizer = std::make_shared<ByteTokenizer>();
  for (int round = 0; round < 500; ++round) {
    AnswerParser parser(tokenizer, {});
    std::vector<TokenId> ids;
    for (int i = 0; i < 40; ++i) ids.push_back(static_cast<TokenId>(random() % 300));
    Parse(parser, ids);
    EXPECT_TRUE(parser.clean());
  }
}

}  // namespace
}  // namespace parley::realtime

// SPDX-License-Identifier: Apache-2.0
// What a model that takes notes is asked at the end of a turn: after words, and after frames.
#include "realtime/mind/interleaved_mind.h"

#include <gtest/gtest.h>

#include "support/talk.h"

namespace parley::realtime {
namespace {

class InterleavedMindTest : public testing::Test {
 protected:
  explicit InterleavedMindTest(bool frames = false) : hears_frames(frames) { trunk.Open(); }

  std::unique_ptr<InterleavedMind> Mind(Effort effort = Effort::kMedium) {
    config.effort = effort;
    MindParts parts{tokenizer, Pieces(), style, &trunk, 2048, hears_frames};
    return std::make_unique<InterleavedMind>(config, parts);
  }
  PromptPieces Pieces() const {
    const PromptPieces words = test::ChatMlPieces(*tokenizer, "Be brief.");
    return hears_frames ? FramePieces(words, style, config.effort != Effort::kMinimal) : words;
  }
  // What the fork of a possible end holds: the trunk's ids of the exchange, as far as it keeps them, and what it appends.
  std::vector<TokenId> AskedOf(Mind::Actions actions) const {
    for (const mind::Action& action : actions) {
      if (const auto* fork = std::get_if<mind::Fork>(&action)) {
        std::vector<TokenId> ids(trunk.ids().begin() + trunk.begin(),
                                 trunk.ids().begin() + fork->keep);
        ids.insert(ids.end(), fork->append.begin(), fork->append.end());
        return ids;
      }
    }
    ADD_FAILURE() << "nothing was forked";
    return {};
  }
  std::string Text(const std::vector<TokenId>& ids) const {
    std::string text;
    for (const TokenId id : ids) text += tokenizer->Bytes(id);
    return text;
  }

  const bool hears_frames;
  std::shared_ptr<test::WordTokenizer> tokenizer =
      std::make_shared<test::WordTokenizer>(test::ThinkingSpecials());
  MindConfig config;
  Style style;
  Trunk trunk{HistoryConfig{}, 300, Pieces(), tokenizer};
};

TEST_F(InterleavedMindTest, TellsTheNotesWhetherTheWholeTurnWasJudged) {
  const std::vector<std::string> slow = {"slow"};
  for (const bool whole_turn : {false, true}) {
    const auto mind = Mind();
    mind->OnStableWords({.text = "am i speaking"}, Time());
    const std::vector<TokenId> asked = AskedOf(mind->OnPossibleEnd(
        {.text = "am i speaking too slowly", .marks = slow, .whole_turn = whole_turn}, Time(),
        Time()));
    // By the words, most of them sounded ordinary.
    EXPECT_EQ(Text(asked).find("slow]") != std::string::npos, whole_turn) << Text(asked);
  }
}

class FramesOfAMind : public InterleavedMindTest {
 protected:
  FramesOfAMind() : InterleavedMindTest(true) {}
};

TEST_F(FramesOfAMind, StandWhereWordsWouldAndAllThoughtFollows) {
  const auto mind = Mind();
  trunk.SetFrames({-1, -2, -3});
  const Mind::Actions heard = mind->OnStableWords({.text = "how many"}, Time());
  ASSERT_EQ(heard.size(), 1U);
  ASSERT_TRUE(std::holds_alternative<mind::Hear>(heard[0]));
  trunk.Hear("how many");
  const std::vector<TokenId> asked =
      AskedOf(mind->OnPossibleEnd({.text = "how many ducks"}, Time(), Time()));
  std::vector<TokenId> expected = Pieces().user_open;
  for (const TokenId id : {style.marks.after, -1, -2, -3, style.marks.speech_end}) {
    expected.push_back(id);
  }
  EXPECT_EQ(asked, expected);
}

TEST_F(FramesOfAMind, WithoutThoughtTheAnswerFollowsAtOnce) {
  const auto mind = Mind(Effort::kMinimal);
  EXPECT_EQ(Pieces().audio_open, std::vector<TokenId>{style.marks.none});
  trunk.SetFrames({-1, -2});
  trunk.Hear("");
  const std::vector<TokenId> asked =
      AskedOf(mind->OnPossibleEnd({.text = "how many ducks"}, Time(), Time()));
  ASSERT_GE(asked.size(), 2U);
  EXPECT_EQ(asked[asked.size() - 2], style.marks.speech_end);
  EXPECT_EQ(asked.back(), style.marks.answer);
}

TEST_F(FramesOfAMind, WhatIsTypedIsReadAsWords) {
  const auto mind = Mind();
  const std::string asked =
      Text(AskedOf(mind->OnPossibleEnd({.text = "how many ducks", .typed = true}, Time(), Time())));
  EXPECT_NE(asked.find("how many ducks"), std::string::npos) << asked;
}

TEST_F(FramesOfAMind, TheHistoryKeepsTheWords) {
  trunk.SetFrames({-1, -2});
  trunk.Hear("");
  trunk.Close("how many ducks", {}, " two", "two");
  EXPECT_TRUE(
      std::none_of(trunk.ids().begin(), trunk.ids().end(), [](TokenId id) { return id < 0; }));
  EXPECT_NE(Text(trunk.ids()).find("how many ducks"), std::string::npos);
}

}  // namespace
}  // namespace parley::realtime

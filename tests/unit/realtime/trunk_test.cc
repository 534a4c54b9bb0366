// SPDX-License-Identifier: Apache-2.0
#include "realtime/history/trunk.h"

#include <gtest/gtest.h>

#include <random>

#include "support/talk.h"

namespace parley::realtime {
namespace {

class TrunkTest : public testing::Test {
 protected:
  TrunkTest()
      : tokenizer(std::make_shared<test::WordTokenizer>()),
        pieces(test::ChatMlPieces(*tokenizer, "Be brief.")),
        trunk(HistoryConfig{}, 32, pieces, tokenizer) {
    Carry(trunk.Open());
  }
  void Carry(const TrunkEdit& edit) {
    ASSERT_LE(static_cast<size_t>(edit.keep), cache.size());
    cache.resize(static_cast<size_t>(edit.keep));
    cache.insert(cache.end(), edit.append.begin(), edit.append.end());
    EXPECT_EQ(cache, trunk.ids());
  }
  void Ask(std::string_view text) {
    const TrunkEdit edit = trunk.Ask(text);
    cache.resize(static_cast<size_t>(edit.keep));
    cache.insert(cache.end(), edit.append.begin(), edit.append.end());
    trunk.Adopt(cache);
    asked = text;
    answer.clear();
  }
  void Answer(std::string_view text) {
    answer = tokenizer->Encode(text);
    for (const TokenId id : answer) {
      trunk.Took(id);
      cache.push_back(id);
    }
  }
  void Close(size_t ids, std::string_view tail, std::string_view heard) {
    Carry(trunk.Close(asked, std::span(answer).first(ids), tail, heard));
  }
  std::vector<TokenId> Whole(std::string_view text) const {
    return tokenizer->Encode(text, model::SpecialTokens::kParse);
  }

  std::shared_ptr<test::WordTokenizer> tokenizer;
  PromptPieces pieces;
  Trunk trunk;
  std::vector<TokenId> cache;
  std::string asked;
  std::vector<TokenId> answer;
};

constexpr const char* kSystem = "<|im_start|>system\nBe brief.<|im_end|>\n";

TEST_F(TrunkTest, StableWordsGrowWithoutRollback) {
  Carry(trunk.Hear("How many"));
  const auto before = trunk.size();
  const TrunkEdit edit = trunk.Hear("How many tracks are");
  EXPECT_EQ(edit.keep, before);
  EXPECT_EQ(edit.append.size(), 2U);
  Carry(edit);
  EXPECT_EQ(trunk.reprefilled(), 0);
}

TEST_F(TrunkTest, AtTheEndItIsOneTokenisationOfTheWholeTranscript) {
  Carry(trunk.Hear("how many con"));
  Carry(trunk.Hear("how many conference tracks"));
  Ask("How many conference tracks are there?");
  EXPECT_EQ(trunk.ids(), Whole(std::string(kSystem) +
                               "<|im_start|>user\nHow many conference tracks are there?<|im_end|>\n"
                               "<|im_start|>assistant\n"));
  EXPECT_GT(trunk.reprefilled(), 0);
}

TEST_F(TrunkTest, AnAnswerIsCutAtATokenAndATail) {
  Ask("Hi");
  Answer("Hello my friend.");
  Close(2, " fri", "Hello my fri");
  EXPECT_EQ(trunk.ids(), Whole(std::string(kSystem) +
                               "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello my "
                               "fri<|im_end|>\n"));
  ASSERT_EQ(trunk.exchanges().size(), 1U);
  EXPECT_EQ(trunk.exchanges()[0].answer, "Hello my fri");
}

TEST_F(TrunkTest, ThoughtLeavesNothingInAClosedExchange) {
  for (const TokenId id : tokenizer->Encode("<think>hm</think>")) {
    trunk.Took(id);
    cache.push_back(id);
  }
  Carry(trunk.RollBack(trunk.size() - 2));
  asked = "Hi";
  answer = tokenizer->Encode("Hello.");
  Close(answer.size(), "", "Hello.");
  EXPECT_EQ(trunk.ids(),
            Whole(std::string(kSystem) + "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
                                         "Hello.<|im_end|>\n"));
  EXPECT_FALSE(trunk.exchange_open());
}

TEST_F(TrunkTest, AQuestionThatWasNoneLeavesNothing) {
  Carry(trunk.Hear("um"));
  Carry(trunk.Unhear());
  EXPECT_EQ(trunk.ids(), Whole(kSystem));
}

TEST_F(TrunkTest, AReopenedQuestionGoesOn) {
  Ask("Book a table");
  Answer("Which");
  Carry(trunk.Hear("Book a table"));
  Carry(trunk.Hear("Book a table for"));
  Ask("Book a table for two");
  EXPECT_EQ(trunk.ids(),
            Whole(std::string(kSystem) + "<|im_start|>user\nBook a table for two<|im_end|>\n"
                                         "<|im_start|>assistant\n"));
}

TEST_F(TrunkTest, AnAnswerThatGoesOnIsOneAnswer) {
  Carry(trunk.Hear("How are you?"));
  Ask("How are you?");
  Answer("I am fine, thank you.");
  Close(2, " \u2014", "I am");
  Carry(trunk.Hear("hmm"));
  Carry(trunk.Unhear());
  Carry(trunk.Reopen(answer));
  EXPECT_TRUE(trunk.exchange_open());
  EXPECT_TRUE(trunk.exchanges().empty());
  Carry(trunk.Close("How are you?", answer, "", "I am fine, thank you."));
  EXPECT_EQ(cache, Whole(std::string(kSystem) +
                         "<|im_start|>user\nHow are you?<|im_end|>\n"
                         "<|im_start|>assistant\nI am fine, thank you.<|im_end|>\n"));
  EXPECT_EQ(trunk.exchanges().size(), 1U);
}

TEST_F(TrunkTest, WordsThatAloneAreTooManyLoseTheirBeginning) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += (i > 0 ? " w" : "w") + std::to_string(i);
  Ask(text);
  EXPECT_LE(trunk.size() + 32, 2048);
  EXPECT_EQ(tokenizer->Bytes(trunk.ids()[trunk.ids().size() - pieces.answer_open.size() - 1]),
            " w4999");
  Close(0, "", "");
  EXPECT_GT(trunk.truncated_tokens(), 0);
}

// Long talks of every shape: the cache is what the trunk says, the size is bounded, and what is
// left is the system prompt and the newest exchanges, word for word.
TEST_F(TrunkTest, AnyTalkKeepsItsPromise) {
  std::mt19937 random(31);
  const auto words = [&](int count) {
    std::string text;
    for (int i = 0; i < count; ++i)
      text += (i > 0 ? " " : "") + std::string("word") + std::to_string(random() % 50);
    return text;
  };
  for (int turn = 0; turn < 400; ++turn) {
    const std::string question = words(1 + static_cast<int>(random() % 120));
    for (int partial = 0; partial < 4; ++partial) {
      Carry(trunk.Hear(question.substr(0, random() % (question.size() + 1))));
    }
    if (random() % 10 == 0) {
      Carry(trunk.Unhear());
      continue;
    }
    Ask(question);
    const std::string reply = words(1 + static_cast<int>(random() % 20));
    Answer(reply);
    if (random() % 6 == 0) {
      Carry(trunk.Hear(question));
      Ask(question + " more");
      Answer(reply);
    }
    const auto ids = tokenizer->Encode(reply).size();
    const size_t keep = random() % 2 == 0 ? ids : random() % (ids + 1);
    Close(keep, "", "heard");
    ASSERT_LE(trunk.size(), 2048 - 32);
  }
  EXPECT_GT(trunk.forgotten(), 0);
  const auto& last = trunk.exchanges().back();
  EXPECT_LT(last.begin, trunk.ids().size());
  for (size_t i = 0; i < trunk.exchanges().size(); ++i) {
    const size_t begin = trunk.exchanges()[i].begin;
    std::vector<TokenId> expected = pieces.user_open;
    const auto user = tokenizer->Encode(trunk.exchanges()[i].user);
    expected.insert(expected.end(), user.begin(), user.end());
    expected.insert(expected.end(), pieces.answer_open.begin(), pieces.answer_open.end());
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(),
                           trunk.ids().begin() + static_cast<int64_t>(begin)))
        << "exchange " << i;
  }
}

}  // namespace
}  // namespace parley::realtime

// What engine.h promises of sequences and streams, on the simulated clock.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/embeddings.h"
#include "support/engine_bed.h"

namespace parley::test {
namespace {

using engine::EndReason;
using engine::Position;
using engine::Sequence;
using engine::Urgency;

class LetterTokenizer final : public model::Tokenizer {  // id 0 is "a", 1 is "b", …
 public:
  std::vector<TokenId> Encode(std::string_view, model::SpecialTokens) const override { return {}; }
  std::string_view Bytes(TokenId id) const override {
    return std::string_view(kLetters).substr(static_cast<size_t>(id), 1);
  }
  std::optional<TokenId> Find(std::string_view) const override { return std::nullopt; }
  bool IsSpecial(TokenId) const override { return false; }
  int32_t vocabulary() const override { return 64; }

 private:
  static constexpr const char* kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!?";
};

TEST(Streams, SayTheSameHoweverTheAppendIsCut) {
  EngineBed whole;
  const Sequence a = whole.Open(256);
  ASSERT_TRUE(whole.Append(a, Ids(100)).has_value());
  const std::vector<TokenId> expected = whole.Say(a, 20);
  ASSERT_EQ(expected.size(), 20U);
  for (const int32_t rows : {1, 2, 3, 7, 16, 17, 64}) {
    EngineBed bed({.config = {.step_rows = rows, .mixed_rows = rows}});
    const Sequence b = bed.Open(256);
    const std::vector<TokenId> ids = Ids(100);
    for (size_t begin = 0; begin < ids.size(); begin += 9) {
      const size_t end = std::min(ids.size(), begin + 9);
      bed.engine().Append(b,
                          {.tokens = {ids.begin() + static_cast<int64_t>(begin),
                                      ids.begin() + static_cast<int64_t>(end)}},
                          Urgency::kThinkingListening, {});
    }
    EXPECT_EQ(bed.Say(b, 20), expected) << rows << " rows a step";
  }
}

TEST(Streams, ReportEveryTokenWithTheLengthThatIncludesIt) {
  EngineBed bed;
  const Sequence a = bed.Open();
  ASSERT_TRUE(bed.Append(a, Ids(5)).has_value());
  const auto log = bed.Generate(a, {.max_tokens = 4});
  bed.Run();
  EXPECT_EQ(log->positions, (std::vector<Position>{6, 7, 8, 9}));
  EXPECT_EQ(log->ended->reason, EndReason::kBudget);
  EXPECT_EQ(log->ended->position, 9);
}

TEST(Streams, GoOnExactlyAfterABudget) {
  EngineBed bed;
  const Sequence a = bed.Open();
  ASSERT_TRUE(bed.Append(a, Ids(5)).has_value());
  const std::vector<TokenId> whole = [&] {
    const Sequence copy = bed.engine().Fork(a, 5);
    return bed.Say(copy, 12);
  }();
  std::vector<TokenId> parts;
  for (int i = 0; i < 4; ++i) {
    for (const TokenId id : bed.Say(a, 3)) parts.push_back(id);
  }
  EXPECT_EQ(parts, whole);
}

TEST(Streams, AStopIdIsNeitherDeliveredNorKept) {
  EngineBed bed;
  const Sequence a = bed.Open();
  ASSERT_TRUE(bed.Append(a, Ids(5)).has_value());
  const Sequence copy = bed.engine().Fork(a, 5);
  const std::vector<TokenId> said = bed.Say(copy, 6);
  const auto log = bed.Generate(a, {.stop_ids = {said[3]}});
  bed.Run();
  EXPECT_EQ(log->tokens, (std::vector<TokenId>{said[0], said[1], said[2]}));
  EXPECT_EQ(log->ended->reason, EndReason::kStopToken);
  EXPECT_EQ(log->ended->position, 8);
  // What is appended next follows the last delivered token.
  ASSERT_TRUE(bed.Append(a, {said[3]}).has_value());
  EXPECT_EQ(bed.Say(a, 2), (std::vector<TokenId>{said[4], said[5]}));
}

TEST(Streams, AStopTextIsCutOutOfTheSequenceToo) {
  LetterTokenizer letters;
  EngineBed bed({.tokenizer = &letters});
  const Sequence a = bed.Open();
  ASSERT_TRUE(bed.Append(a, Ids(5)).has_value());
  const Sequence copy = bed.engine().Fork(a, 5);
  const std::vector<TokenId> said = bed.Say(copy, 12);
  std::string stop;
  for (size_t i = 4; i < 7; ++i) stop += letters.Bytes(said[i]);
  const auto log = bed.Generate(a, {.stop_texts = {"zzzz", stop}});
  bed.Run();
  EXPECT_EQ(log->tokens, (std::vector<TokenId>(said.begin(), said.begin() + 4)));
  EXPECT_EQ(log->ended->reason, EndReason::kStopText);
  EXPECT_EQ(log->ended->position, 9);
  ASSERT_TRUE(bed.Append(a, {said[4], said[5]}).has_value());
  EXPECT_EQ(bed.Say(a, 3), (std::vector<TokenId>(said.begin() + 6, said.begin() + 9)));
}

TEST(Streams, EndBeforeTheStepThatWouldPassTheirDeadline) {
  EngineBed bed;
  const Sequence a = bed.Open();
  ASSERT_TRUE(bed.Append(a, Ids(5)).has_value());
  const Time begin = bed.executor().Now();
  const auto log = bed.Generate(a, {.deadline = begin + milliseconds(20)});
  bed.Run();
  EXPECT_EQ(log->ended->reason, EndReason::kDeadline);
  EXPECT_GE(log->tokens.size(), 2U);
  EXPECT_LT(bed.executor().Now(), begin + milliseconds(30));
  const auto late = bed.Generate(a, {.deadline = bed.executor().Now()});
  bed.Run();
  EXPECT_EQ(late->ended->reason, EndReason::kDeadline);
  EXPECT_TRUE(late->tokens.empty());
}

TEST(Streams, AppendRollbackAndGenerateSupersede) {
  EngineBed bed;
  const Sequence a = bed.Open();
  ASSERT_TRUE(bed.Append(a, Ids(5)).has_value());
  const auto first = bed.Generate(a);
  bed.RunFor(milliseconds(30));
  const auto second = bed.Generate(a);
  bed.RunFor(milliseconds(30));
  EXPECT_EQ(first->ended->reason, EndReason::kSuperseded);
  EXPECT_EQ(first->ended->position, 5 + static_cast<Position>(first->tokens.size()));
  bed.engine().Rollback(a, 5);
  const auto third = bed.Generate(a);
  bed.RunFor(milliseconds(60));
  EXPECT_EQ(second->ended->reason, EndReason::kSuperseded);
  bed.engine().Append(a, {.tokens = {3}}, Urgency::kFirstWords, {});
  bed.Run();
  EXPECT_EQ(third->ended->reason, EndReason::kSuperseded);
  std::vector<TokenId> both = first->tokens;
  both.insert(both.end(), second->tokens.begin(), second->tokens.end());
  const size_t common = std::min(both.size(), third->tokens.size());
  ASSERT_GT(common, 3U);
  EXPECT_TRUE(
      std::equal(both.begin(), both.begin() + static_cast<int64_t>(common), third->tokens.begin()));
  EXPECT_EQ(bed.stats().superseded, 3);
}

TEST(Streams, StopTakesEffectBeforeTheNextStep) {
  EngineBed bed;
  const Sequence a = bed.Open();
  ASSERT_TRUE(bed.Append(a, Ids(5)).has_value());
  auto log = std::make_shared<TokenLog>();
  engine::Stream stream;
  log->on_token = [&](TokenId, Position position) {
    if (position == 8) bed.engine().Stop(stream);
  };
  stream = bed.engine().Generate(a, {}, log);
  bed.Run();
  EXPECT_EQ(log->ended->reason, EndReason::kStopped);
  EXPECT_EQ(log->tokens.size(), 3U);
}

TEST(Streams, ForkAtEveryReportedPositionWhileDecoding) {
  EngineBed bed;
  const Sequence a = bed.Open(256);
  ASSERT_TRUE(bed.Append(a, Ids(13)).has_value());
  std::vector<Sequence> branches;
  auto log = std::make_shared<TokenLog>();
  log->on_token = [&](TokenId, Position position) {
    branches.push_back(bed.engine().Fork(a, position));
  };
  bed.engine().Generate(a, {.max_tokens = 40}, log);
  bed.Run();
  ASSERT_EQ(branches.size(), 40U);
  for (size_t i = 0; i < branches.size(); i += 3) {
    const size_t rest = std::min<size_t>(log->tokens.size() - i - 1, 4);
    if (rest == 0) break;
    EXPECT_EQ(bed.Say(branches[i], static_cast<int32_t>(rest)),
              std::vector<TokenId>(log->tokens.begin() + static_cast<int64_t>(i) + 1,
                                   log->tokens.begin() + static_cast<int64_t>(i + 1 + rest)));
  }
  branches.clear();
  bed.Run();
  EXPECT_EQ(bed.stats().pages_used, engine::PagesFor(13 + 40));
}

TEST(Streams, AForkCopiesAtMostOnePage) {
  EngineBed bed;
  const Sequence a = bed.Open(256);
  ASSERT_TRUE(bed.Append(a, Ids(100)).has_value());
  const Sequence b = bed.engine().Fork(a, 90);
  bed.Say(b, 40);
  bed.Say(a, 40);
  EXPECT_EQ(bed.stats().pages_copied, 1);
  EXPECT_EQ(bed.stats().forks, 1);
}

TEST(Streams, BranchesOfManyTalksShareSteps) {
  EngineBed bed;
  std::vector<Sequence> talks;
  std::vector<std::shared_ptr<TokenLog>> logs;
  for (int i = 0; i < 6; ++i) {
    talks.push_back(bed.Open());
    ASSERT_TRUE(bed.Append(talks.back(), Ids(20, i)).has_value());
  }
  const int64_t before = bed.hash_decoder().steps();
  for (const Sequence& talk : talks) logs.push_back(bed.Generate(talk, {.max_tokens = 10}));
  bed.Run();
  EXPECT_EQ(bed.hash_decoder().steps() - before, 10);
  for (const auto& log : logs) EXPECT_EQ(log->tokens.size(), 10U);
}

TEST(Streams, EmbeddingsAreRowsLikeTokens) {
  auto backend = kernels::MakeReferenceBackend();
  EngineBed bed({}, *backend);
  kernels::Tensor rows = backend->Allocate(kernels::DType::kF32, 20, 4);
  std::vector<float> values(80);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.25F;
  backend->Upload(values, rows);
  const auto sound = std::make_shared<const engine::Embeddings>(rows);
  const auto speak = [&](Position cut) {
    const Sequence a = bed.Open();
    bed.engine().Append(a, {.tokens = Ids(3)}, Urgency::kThinkingListening, {});
    bed.engine().Append(a, {.embeddings = sound}, Urgency::kThinkingListening, {});
    bed.engine().Append(a, {.tokens = Ids(3)}, Urgency::kThinkingListening, {});
    bed.Run();
    if (cut > 0) {  // a fork inside the embeddings has to run its last row again
      const Sequence b = bed.engine().Fork(a, cut);
      return bed.Say(b, 5);
    }
    return bed.Say(a, 5);
  };
  EXPECT_EQ(speak(0), speak(26));
  EXPECT_NE(speak(0), speak(23));
  EXPECT_EQ(speak(17), speak(17));
}

TEST(Streams, ARollbackCancelsAppendsBehindIt) {
  EngineBed bed;
  const Sequence a = bed.Open();
  std::vector<std::string> news;
  const auto note = [&](const char* name) {
    return [&news, name](Result<Position> r) {
      news.push_back(std::string(name) +
                     (r ? std::to_string(*r) : CodeName(r.error().code).data()));
    };
  };
  bed.engine().Append(a, {.tokens = Ids(4)}, Urgency::kFirstWords, note("a"));
  bed.engine().Append(a, {.tokens = Ids(40)}, Urgency::kFirstWords, note("b"));
  bed.engine().Rollback(a, 4);
  bed.engine().Append(a, {.tokens = Ids(2)}, Urgency::kFirstWords, note("c"));
  bed.Run();
  EXPECT_EQ(news, (std::vector<std::string>{"bcancelled", "a4", "c6"}));
  EXPECT_LE(bed.stats().prefill_rows, 6);
}

TEST(Streams, WrongInputIsRefusedAndSoIsWhatFollowsUntilARollback) {
  EngineBed bed;
  const Sequence a = bed.Open();
  EXPECT_EQ(bed.Append(a, {1, 64}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(bed.Append(a, {1}).error().code, Code::kInvalidArgument);
  bed.engine().Rollback(a, 0);
  EXPECT_EQ(bed.Append(a, {1}).value(), 1);
  const Sequence empty = bed.Open();
  const auto log = bed.Generate(empty);
  bed.Run();
  EXPECT_EQ(log->ended->reason, EndReason::kFailed);
  EXPECT_EQ(log->ended->error.code, Code::kInvalidArgument);
}

TEST(Streams, LettingGoReturnsEveryPage) {
  EngineBed bed;
  {
    Sequence trunk = bed.Open(256);
    ASSERT_TRUE(bed.Append(trunk, Ids(50)).has_value());
    Sequence branch = bed.engine().Fork(trunk, 33);
    const auto log = bed.Generate(branch);
    bed.RunFor(milliseconds(50));
    trunk = std::move(branch);  // adopted: the old trunk's own pages go
    bed.RunFor(milliseconds(50));
    EXPECT_EQ(bed.stats().sequences, 1);
    EXPECT_FALSE(log->ended.has_value());
    trunk.Release();
    bed.Run();
    EXPECT_EQ(log->ended->reason, EndReason::kStopped);
  }
  bed.Run();
  EXPECT_EQ(bed.stats().pages_used, 0);
  EXPECT_EQ(bed.stats().sequences, 0);
}

}  // namespace
}  // namespace parley::test

// Pages when there are not enough: who is admitted, who is stopped, and that answers are not.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

#include "support/engine_bed.h"

namespace parley::test {
namespace {

using engine::EndReason;
using engine::Position;
using engine::Sequence;
using engine::Urgency;

TEST(Overload, ATalkThatCannotBeKeptIsRefusedWithWhatToDo) {
  EngineBed bed({.pages = 20});
  Sequence first = bed.Open(9 * 16);  // and one page for a fork's first row
  Sequence second = bed.Open(9 * 16);
  const auto third = bed.engine().Open(1);
  ASSERT_FALSE(third.has_value());
  EXPECT_EQ(third.error().code, Code::kExhausted);
  EXPECT_NE(third.error().message.find("at capacity"), std::string::npos);
  EXPECT_NE(third.error().message.find("engine.kv_mb"), std::string::npos);
  EXPECT_EQ(bed.stats().refused, 1);
  first.Release();
  bed.Run();
  EXPECT_TRUE(bed.engine().Open(9 * 16).has_value());
}

TEST(Overload, ThoughtBorrowsAndIsStoppedLowestUrgencyFirst) {
  EngineBed bed({.pages = 24});
  const Sequence talk = bed.Open(9 * 16);
  ASSERT_TRUE(bed.Append(talk, Ids(16)).has_value());
  std::vector<Sequence> branches;
  const auto think = [&](Urgency urgency) {
    branches.push_back(bed.engine().Fork(talk, 16));
    return bed.Generate(branches.back(), {.max_tokens = 48, .urgency = urgency});
  };
  const auto listening = think(Urgency::kThinkingListening);
  const auto speaking = think(Urgency::kThinkingSpeaking);
  const auto speculation = think(Urgency::kSpeculation);
  bed.Run();  // each holds 4 pages of its own (one is copied); 14 may be borrowed
  EXPECT_EQ(speculation->ended->reason, EndReason::kBudget);
  EXPECT_EQ(bed.stats().evicted, 0);

  // Another talk needs pages that are promised to it.
  const Sequence other = bed.Open(9 * 16 + 8);
  ASSERT_TRUE(bed.Append(other, Ids(64)).has_value());
  ASSERT_TRUE(bed.Append(talk, Ids(96)).has_value());
  ASSERT_TRUE(bed.Append(other, Ids(64)).has_value());
  EXPECT_EQ(bed.stats().evicted, 1);
  const auto lost = bed.Generate(branches[0]);
  const auto kept =
      bed.Generate(branches[1], {.max_tokens = 1, .urgency = Urgency::kThinkingSpeaking});
  bed.Run();
  EXPECT_EQ(lost->ended->error.code, Code::kExhausted);
  EXPECT_EQ(kept->ended->reason, EndReason::kBudget);
  EXPECT_EQ(bed.Append(branches[0], {1}).error().code, Code::kExhausted);
  branches.resize(1);  // there is room again
  bed.engine().Rollback(branches[0], 0);
  EXPECT_TRUE(bed.Append(branches[0], Ids(4)).has_value());
}

TEST(Overload, ASpeculationThatIsCommittedIsKeptLikeAnAnswer) {
  for (const bool committed : {false, true}) {
    EngineBed bed({.pages = 14});
    const Sequence talk = bed.Open(3 * 16);
    ASSERT_TRUE(bed.Append(talk, Ids(16)).has_value());
    const Sequence branch = bed.engine().Fork(talk, 16);
    auto log = std::make_shared<TokenLog>();
    const engine::Stream stream =
        bed.engine().Generate(branch, {.max_tokens = 44, .urgency = Urgency::kSpeculation}, log);
    bed.RunFor(milliseconds(100));
    if (committed) bed.engine().SetUrgency(stream, Urgency::kFirstWords);
    const Sequence other =
        bed.Open(8 * 16);  // what is left is promised: nothing to borrow any more
    ASSERT_TRUE(bed.Append(other, Ids(8 * 16)).has_value());
    EXPECT_EQ(log->ended->reason, committed ? EndReason::kBudget : EndReason::kFailed);
  }
}

TEST(Overload, ThoughtThatFindsNoPageEndsAndSaysSo) {
  EngineBed bed({.pages = 12});
  const Sequence talk = bed.Open(9 * 16);
  ASSERT_TRUE(bed.Append(talk, Ids(16)).has_value());
  const Sequence branch = bed.engine().Fork(talk, 16);
  const auto log =
      bed.Generate(branch, {.max_tokens = 200, .urgency = Urgency::kThinkingListening});
  bed.Run();
  EXPECT_EQ(log->ended->reason, EndReason::kFailed);
  EXPECT_EQ(log->ended->error.code, Code::kExhausted);
  // Two pages were free: a copy of the trunk's, whose last row it runs, and one more; and the token behind them.
  EXPECT_EQ(log->tokens.size(), 17U);
  EXPECT_EQ(log->ended->position, 16 + 17);
  EXPECT_EQ(bed.Say(talk, 100).size(), 100U);
}

TEST(Overload, ASequenceLongerThanTheModelIsRefused) {
  EngineBed bed;
  const Sequence talk = bed.Open(1100);
  EXPECT_EQ(bed.Append(talk, Ids(1025)).error().code, Code::kExhausted);
  bed.engine().Rollback(talk, 0);
  ASSERT_TRUE(bed.Append(talk, Ids(1020)).has_value());
  const auto log = bed.Generate(talk);
  bed.Run();
  EXPECT_EQ(log->tokens.size(), 4U);
  EXPECT_EQ(log->ended->error.code, Code::kExhausted);
}

// Talks within their reservations answer to the last token, whatever thought and speculation do beside them.
TEST(Overload, AnAnswerNeverFailsForPagesThatWereAdmitted) {
  constexpr Position kReserve = 160;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    EngineBed bed({.pages = 34});
    struct TestTalk {
      Sequence trunk;
      Position length = 0;
      std::shared_ptr<TokenLog> answer;
      Sequence branch;
      std::vector<Sequence> thoughts;
    };
    std::vector<TestTalk> talks(3);
    for (TestTalk& talk : talks) {
      talk.trunk = bed.Open(kReserve);
      const auto prompt = static_cast<int32_t>(10 + random() % 60);
      ASSERT_TRUE(bed.Append(talk.trunk, Ids(prompt)).has_value());
      talk.length = prompt;
    }
    for (int round = 0; round < 30; ++round) {
      TestTalk& talk = talks[random() % talks.size()];
      switch (random() % 3) {
        case 0:
        case 1: {
          const Position at =
              static_cast<Position>(random() % static_cast<uint64_t>(talk.length)) + 1;
          talk.thoughts.push_back(bed.engine().Fork(talk.trunk, at));
          bed.Generate(
              talk.thoughts.back(),
              {.max_tokens = 100,
               .urgency = random() % 2 == 0 ? Urgency::kThinkingListening : Urgency::kSpeculation});
          break;
        }
        default:
          if (!talk.answer) {
            talk.branch = bed.engine().Fork(talk.trunk, talk.length);
            talk.answer = bed.Generate(talk.branch,
                                       {.max_tokens = static_cast<int32_t>(kReserve - talk.length),
                                        .urgency = Urgency::kSpeaking});
          }
      }
      bed.RunFor(Duration(random() % 300'000));
      if (random() % 8 == 0) talk.thoughts.clear();
    }
    bed.Run();
    for (const TestTalk& talk : talks) {
      if (!talk.answer) continue;
      ASSERT_TRUE(talk.answer->ended.has_value());
      ASSERT_EQ(talk.answer->ended->reason, EndReason::kBudget)
          << "seed " << seed << ": " << talk.answer->ended->error.message;
    }
    talks.clear();
    bed.Run();
    ASSERT_EQ(bed.stats().pages_used, 0) << "seed " << seed;
  }
}

}  // namespace
}  // namespace parley::test

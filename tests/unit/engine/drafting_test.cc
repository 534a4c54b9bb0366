// Guesses from the text itself change nothing of what is said, whatever is forked, appended or stopped beside them; they
// save steps where text repeats itself; and only thought that nobody hears may take one that was not drawn.
// SPDX-License-Identifier: Apache-2.0
#include "engine/drafting.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "support/drawing_backend.h"
#include "support/engine_bed.h"

namespace parley::test {
namespace {

using engine::EndReason;
using engine::GenerateOptions;
using engine::Sequence;
using engine::Urgency;

std::vector<TokenId> Draft(const std::vector<TokenId>& ids, int32_t most = 4) {
  std::vector<TokenId> draft;
  engine::LookUpDraft(ids, most, draft);
  return draft;
}

TEST(Drafting, LooksUpWhatFollowedTheLongestRun) {
  EXPECT_EQ(Draft({1, 2, 3, 4, 5, 1, 2}), (std::vector<TokenId>{3, 4, 5, 1}));
  EXPECT_EQ(Draft({1, 2, 3, 4, 5, 1, 2}, 2), (std::vector<TokenId>{3, 4}));
  EXPECT_EQ(Draft({9, 1, 2, 3, 8, 1, 2, 7, 9, 1, 2}), (std::vector<TokenId>{3, 8, 1, 2}));
  EXPECT_EQ(Draft({1, 2, 3, 1, 2, 7, 1, 2}), (std::vector<TokenId>{7, 1, 2}));  // the latest
  EXPECT_EQ(Draft({5, 5, 5, 5}), (std::vector<TokenId>{5}));
  EXPECT_TRUE(Draft({1, 2, 3, 2}).empty());  // one id is no run
  EXPECT_TRUE(Draft({}).empty());
  EXPECT_TRUE(Draft({1}).empty());
  EXPECT_TRUE(Draft({1, 2, -1, 4, 1, 2}).empty());  // sound cannot be guessed
  EXPECT_TRUE(Draft({-1, -1, 4, -1, -1}).empty());
}

TEST(Drafting, RelaxesForThoughtWhileListeningOnly) {
  const std::vector<float> logits = {1.0F, 3.0F, 2.5F, 0.0F};
  const model::SamplerOptions any;
  const auto stands = [&](TokenId guess, float margin, Urgency urgency) {
    return engine::StandsRelaxed(guess, 1, logits, margin, urgency, any);
  };
  EXPECT_TRUE(stands(2, 0.5F, Urgency::kThinkingListening));
  EXPECT_FALSE(stands(0, 0.5F, Urgency::kThinkingListening));
  EXPECT_FALSE(stands(2, 0.0F, Urgency::kThinkingListening));
  for (const Urgency spoken : {Urgency::kFirstWords, Urgency::kSpeculation, Urgency::kSpeaking,
                               Urgency::kThinkingSpeaking, Urgency::kHousekeeping}) {
    EXPECT_FALSE(stands(2, 9.0F, spoken));
  }
  EXPECT_FALSE(
      engine::StandsRelaxed(2, 1, logits, 9.0F, Urgency::kThinkingListening, {.banned = {2}}));
  EXPECT_FALSE(engine::StandsRelaxed(2, 1, logits, 9.0F, Urgency::kThinkingListening,
                                     {.vocabulary_limit = 2}));
}

struct Talk {
  std::vector<std::vector<TokenId>> said;
  std::vector<std::vector<engine::Position>> positions;
  std::vector<EndReason> reasons;
  int64_t steps = 0;
  bool operator==(const Talk& other) const {
    return said == other.said && positions == other.positions && reasons == other.reasons;
  }
};

// Branches of one trunk with samplers, budgets and stops of their own, an append of another talk beside them, a fork of
// what is being decoded, and another go behind a rollback.
Talk TalkWith(int32_t draft_tokens, float margin, bool on_device, float temperature,
              Urgency urgency = Urgency::kSpeaking) {
  const auto reference = kernels::MakeReferenceBackend();
  DrawingBackend drawing(*reference);
  kernels::Backend& backend = on_device ? static_cast<kernels::Backend&>(drawing) : *reference;
  const HashDecoder decoder(backend, 1024, 2);
  engine::EngineConfig config;
  config.draft_tokens = draft_tokens;
  config.draft_margin = margin;
  EngineBed bed({.pages = 200, .config = config, .decoder = &decoder}, backend);
  const Sequence trunk = bed.Open();
  EXPECT_TRUE(bed.Append(trunk, Ids(21)).has_value());
  const Sequence other = bed.Open();
  std::vector<Sequence> branches;
  std::vector<std::shared_ptr<TokenLog>> logs;
  for (int i = 0; i < 3; ++i) {
    GenerateOptions options{.max_tokens = 150 + i, .urgency = urgency};
    options.sampler.temperature = temperature;
    options.sampler.seed = 5;
    if (i == 1) options.sampler.repetition_penalty = 1.05F;
    if (i == 2) options.stop_ids = {17};
    branches.push_back(bed.engine().Fork(trunk, 19 + i));
    logs.push_back(bed.Generate(branches.back(), options));
  }
  Sequence fork;
  logs[0]->on_token = [&](TokenId, engine::Position position) {
    if (position != 75) return;
    fork = bed.engine().Fork(branches[0], 70);
    logs.push_back(bed.Generate(fork, {.max_tokens = 60}));
  };
  EXPECT_TRUE(bed.Append(other, Ids(100, 5)).has_value());
  bed.Run();
  bed.engine().Rollback(branches[0], 40);
  logs.push_back(bed.Generate(branches[0], {.max_tokens = 50}));
  bed.Run();
  Talk talk;
  for (const auto& log : logs) {
    talk.said.push_back(log->tokens);
    talk.positions.push_back(log->positions);
    talk.reasons.push_back(log->ended->reason);
  }
  talk.steps = decoder.steps();
  return talk;
}

TEST(Drafting, SaysWhatIsSaidWithoutItInFewerSteps) {
  const Talk plain = TalkWith(0, 0, false, 0);
  ASSERT_EQ(plain.said.size(), 5U);
  ASSERT_EQ(plain.said[0].size(), 150U);
  for (const int32_t guesses : {1, 4, 15}) {
    const Talk drafted = TalkWith(guesses, 0, false, 0);
    EXPECT_EQ(drafted, plain) << guesses;
    EXPECT_LT(drafted.steps, plain.steps) << guesses;
  }
  // With a margin too: none of these is thought.
  EXPECT_EQ(TalkWith(8, 1e9F, false, 0), plain);
}

TEST(Drafting, ADeviceThatDrawsSaysTheSame) {
  const Talk plain = TalkWith(0, 0, true, 0);
  const Talk drafted = TalkWith(6, 0, true, 0);
  EXPECT_EQ(drafted, plain);
  EXPECT_LT(drafted.steps, plain.steps);
}

TEST(Drafting, DrawsByChanceAreTheSameDraws) {
  EXPECT_EQ(TalkWith(8, 0, false, 0.7F), TalkWith(0, 0, false, 0.7F));
}

TEST(Drafting, ThoughtMayTakeWhatWasNearlyDrawn) {
  const Talk plain = TalkWith(0, 0, false, 0, Urgency::kThinkingListening);
  EXPECT_EQ(TalkWith(8, 0, false, 0, Urgency::kThinkingListening), plain);
  EXPECT_NE(TalkWith(8, 1e9F, false, 0, Urgency::kThinkingListening), plain);
}

}  // namespace
}  // namespace parley::test

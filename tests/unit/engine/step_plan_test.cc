// SPDX-License-Identifier: Apache-2.0
#include "engine/step_plan.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace parley::engine {
namespace {

constexpr StepLimits kLimits{
    .rows = 64, .logit_rows = 4, .mixed_rows = 16, .background_rows = 4, .aged_after = 32};

StepEntry Branch(int64_t id, Urgency urgency) {
  return {.urgency = urgency, .wanted = 1, .samples = true, .id = id};
}
StepEntry Rows(int64_t id, Urgency urgency, int32_t rows, bool samples = false) {
  return {.urgency = urgency, .wanted = rows, .samples = samples, .id = id};
}
std::map<int64_t, int32_t> Plan(std::vector<StepEntry> entries, StepLimits limits = kLimits) {
  PlanStep(entries, limits);
  std::map<int64_t, int32_t> rows;
  for (const StepEntry& entry : entries) rows[entry.id] = entry.rows;
  return rows;
}
using Granted = std::map<int64_t, int32_t>;

TEST(StepPlan, EveryBranchDecodesInOneStep) {
  EXPECT_EQ(Plan({Branch(1, Urgency::kSpeaking), Branch(2, Urgency::kThinkingSpeaking),
                  Branch(3, Urgency::kFirstWords)}),
            (Granted{{1, 1}, {2, 1}, {3, 1}}));
}

TEST(StepPlan, AloneAnAppendTakesTheWholeStep) {
  EXPECT_EQ(Plan({Rows(1, Urgency::kThinkingListening, 100)}), (Granted{{1, 64}}));
}

TEST(StepPlan, AnAppendBesideAnEquallyUrgentBranchIsBounded) {
  EXPECT_EQ(Plan({Branch(1, Urgency::kSpeaking), Rows(2, Urgency::kSpeaking, 100)}),
            (Granted{{1, 1}, {2, 16}}));
}

TEST(StepPlan, BesideFirstWordsThoughtGetsAFewRows) {
  EXPECT_EQ(Plan({Branch(1, Urgency::kFirstWords), Rows(2, Urgency::kThinkingListening, 100)}),
            (Granted{{1, 1}, {2, 4}}));
}

TEST(StepPlan, AMoreUrgentAppendGoesFirstAndWhole) {
  EXPECT_EQ(Plan({Branch(1, Urgency::kThinkingListening), Rows(2, Urgency::kFirstWords, 100)}),
            (Granted{{1, 1}, {2, 63}}));
}

TEST(StepPlan, ALessUrgentAppendWaitsForTheMoreUrgent) {
  EXPECT_EQ(
      Plan({Rows(1, Urgency::kThinkingListening, 30), Rows(2, Urgency::kFirstWords, 10, true)}),
      (Granted{{1, 0}, {2, 10}}));
}

TEST(StepPlan, WhoHasWaitedForLongIsServedFirst) {
  StepEntry waiting = Rows(1, Urgency::kHousekeeping, 30);
  waiting.waited = 32;
  EXPECT_EQ(Plan({waiting, Rows(2, Urgency::kFirstWords, 100)}), (Granted{{1, 30}, {2, 34}}));
  waiting.wanted = 100;
  EXPECT_EQ(Plan({waiting, Branch(2, Urgency::kFirstWords)}), (Granted{{1, 4}, {2, 1}}));
}

TEST(StepPlan, BranchesBeyondTheLimitTakeTurns) {
  std::vector<StepEntry> entries;
  for (int64_t id = 1; id <= 6; ++id) {
    StepEntry entry = Branch(id, Urgency::kSpeaking);
    entry.served = id <= 4 ? 9 : 5;
    entries.push_back(entry);
  }
  EXPECT_EQ(Plan(entries), (Granted{{1, 1}, {2, 1}, {3, 0}, {4, 0}, {5, 1}, {6, 1}}));
}

TEST(StepPlan, WithoutALogitRowTheLastRowWaits) {
  StepLimits limits = kLimits;
  limits.logit_rows = 1;
  EXPECT_EQ(Plan({Branch(1, Urgency::kSpeaking), Rows(2, Urgency::kFirstWords, 5, true)}, limits),
            (Granted{{1, 1}, {2, 4}}));
}

TEST(StepPlan, StepsOfOneRowStillMove) {
  StepLimits limits = kLimits;
  limits.rows = 2;
  EXPECT_EQ(Plan({Branch(1, Urgency::kSpeaking), Branch(2, Urgency::kSpeaking),
                  Rows(3, Urgency::kFirstWords, 5)},
                 limits),
            (Granted{{1, 1}, {2, 0}, {3, 1}}));
}

}  // namespace
}  // namespace parley::engine

// SPDX-License-Identifier: Apache-2.0
// What an answer decides when two things happen at once, which no talk on a clock shows every time.
#include "realtime/mind/answering.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/scripted_mind.h"

namespace parley::realtime {
namespace {

class AnsweringTest : public testing::Test {
 protected:
  void Prepare() {
    answering.Prepare({.edit = {.keep = 4}}, Time(), out);
    branch = names.branch;
  }
  void Write(const std::string& text) {
    engine::Position position = 4;
    for (const TokenId id : tokenizer->Encode(text)) {
      answering.OnToken(branch, id, ++position, Time(), out);
    }
  }
  template <class Action>
  int Count() const {
    return static_cast<int>(std::count_if(out.begin(), out.end(), [](const mind::Action& action) {
      return std::holds_alternative<Action>(action);
    }));
  }

  std::shared_ptr<test::WordTokenizer> tokenizer =
      std::make_shared<test::WordTokenizer>(test::ThinkingSpecials());
  MindConfig config;
  ThoughtForm form{tokenizer, {1}, StyleMarks()};
  Names names;
  Answering answering{config, form, {100, 50}, names};
  BranchId branch;
  std::vector<mind::Action> out;
};

TEST_F(AnsweringTest, ACallWhoseStreamStillEndsWhenTheTurnDoesIsMadeOnce) {
  config.effort = Effort::kHigh;
  Prepare();
  answering.Start(Time(), out);
  Write(" hm<tool_call>{\"name\":\"time\",\"arguments\":{}}</tool_call>");
  ASSERT_EQ(Count<mind::Stop>(), 1);
  answering.Commit(Time(), out);  // before the end of the stream
  EXPECT_EQ(Count<mind::CallTool>(), 0);
  answering.OnEnded(branch, {.reason = engine::EndReason::kStopped}, Time(), out);
  EXPECT_EQ(Count<mind::CallTool>(), 1);
  EXPECT_EQ(Count<mind::Generate>(), 1);  // it waits for the result
  answering.OnToolResult({"noon"}, Time(), out);
  EXPECT_EQ(Count<mind::Generate>(), 2);
}

TEST_F(AnsweringTest, AThoughtThatNothingCoversWakesNobody) {
  config.effort = Effort::kLow;
  Prepare();
  answering.Commit(Time(), out);
  Write(" hm");
  answering.OnTime(Time(milliseconds(config.cover_after_ms + 1000)), out);
  EXPECT_EQ(Count<mind::WakeAt>(), 0);
  EXPECT_EQ(Count<mind::Say>(), 0);
}

}  // namespace
}  // namespace parley::realtime

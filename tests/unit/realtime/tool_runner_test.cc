// SPDX-License-Identifier: Apache-2.0
#include "realtime/tools/tool_runner.h"

#include <gtest/gtest.h>

#include "realtime/tools/builtin_tools.h"
#include "support/manual_executor.h"

namespace parley::realtime {
namespace {

// Answers when the test says so.
class HeldTool final : public Tool {
 public:
  const ToolSpec& spec() const override { return spec_; }
  void Run(ToolRequest request, Done done) override {
    requests.push_back(std::move(request));
    answers.push_back(std::move(done));
  }
  std::vector<ToolRequest> requests;
  std::vector<Done> answers;

 private:
  ToolSpec spec_{"weather", "the weather",
                 R"({"type":"object","properties":{"city":{"type":"string"},)"
                 R"("unit":{"enum":["C","F"]}},"required":["city"]})"};
};

class ToolRunnerTest : public testing::Test {
 protected:
  ToolRunnerTest() {
    auto tool = std::make_unique<HeldTool>();
    held = tool.get();
    EXPECT_TRUE(runner.Offer(std::move(tool)));
  }
  void Run(const char* name, const char* arguments, int64_t epoch = 1) {
    runner.Run(ToolCall{name, arguments}, Epoch{epoch},
               [this](const ToolOutcome& outcome) { outcomes.push_back(outcome); });
  }
  void Pass(int ms) { executor->RunUntil(executor->Now() + milliseconds(ms)); }

  std::shared_ptr<test::ManualExecutor> executor = std::make_shared<test::ManualExecutor>();
  ToolRunner runner{ToolsConfig(), executor};
  HeldTool* held = nullptr;
  std::vector<ToolOutcome> outcomes;
};

TEST_F(ToolRunnerTest, DeliversAResultOnTheExecutor) {
  Run("weather", R"({"city":"Bonn"})");
  ASSERT_EQ(held->requests.size(), 1U);
  EXPECT_EQ(held->requests[0].arguments, R"({"city":"Bonn"})");
  Pass(20);
  held->answers[0](std::string("rain"));
  EXPECT_TRUE(outcomes.empty());  // never inside a call
  Pass(0);
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(*outcomes[0].result, "rain");
  EXPECT_EQ(outcomes[0].call_id, "call_1");
  EXPECT_EQ(outcomes[0].took, milliseconds(20));
  EXPECT_EQ(runner.running(), 0U);
  Pass(10000);
  EXPECT_EQ(outcomes.size(), 1U);
}

TEST_F(ToolRunnerTest, ATimeOutIsAnOutcomeAndALateResultIsDropped) {
  Run("weather", R"({"city":"Bonn"})");
  Pass(5000);
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].result.error().code, Code::kTimeout);
  EXPECT_EQ(outcomes[0].ForModel(100), "error: the tool did not answer within 5000 ms");
  EXPECT_FALSE(held->requests[0].wanted->load());
  held->answers[0](std::string("rain"));
  Pass(0);
  EXPECT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(runner.timed_out(), 1);
  EXPECT_EQ(runner.late(), 1);
}

TEST_F(ToolRunnerTest, ACancelledEpochHearsNothing) {
  Run("weather", R"({"city":"Bonn"})", 1);
  Run("weather", R"({"city":"Rome"})", 2);
  runner.CancelBefore(Epoch{2});
  EXPECT_FALSE(held->requests[0].wanted->load());
  EXPECT_TRUE(held->requests[1].wanted->load());
  held->answers[0](std::string("rain"));
  held->answers[1](std::string("sun"));
  Pass(6000);
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(*outcomes[0].result, "sun");
}

TEST_F(ToolRunnerTest, EveryFailureHasWords) {
  const struct {
    const char *name, *arguments, *what;
  } cases[] = {{"time", "{}", "no tool called time"},
               {"weather", "{}", "\"city\" is missing"},
               {"weather", R"({"city":7})", "must be of type string, not number"},
               {"weather", R"({"city":"Bonn","unit":"K"})", "must be one of [\"C\",\"F\"]"},
               {"weather", R"({"city":"Bonn","when":"now"})", "takes no \"when\""}};
  for (const auto& c : cases) {
    Run(c.name, c.arguments);
    Pass(0);
    ASSERT_FALSE(outcomes.back().result);
    EXPECT_NE(outcomes.back().ForModel(500).find(c.what), std::string::npos)
        << outcomes.back().ForModel(500);
  }
  runner.Run(ParseToolCall("{oops}"), Epoch{1},
             [this](const ToolOutcome& outcome) { outcomes.push_back(outcome); });
  Pass(0);
  EXPECT_EQ(outcomes.back().ForModel(500), "error: malformed tool call: it is not valid JSON");
  EXPECT_TRUE(held->requests.empty());
}

TEST_F(ToolRunnerTest, MoreThanRunAtOnceAreRefused) {
  for (int i = 0; i < 5; ++i) Run("weather", R"({"city":"Bonn"})");
  Pass(0);
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].result.error().code, Code::kExhausted);
}

TEST_F(ToolRunnerTest, AToolThatAnswersWhenNobodyIsThereHarmsNothing) {
  auto gone = std::make_unique<ToolRunner>(ToolsConfig(), executor);
  auto tool = std::make_unique<HeldTool>();
  ASSERT_TRUE(gone->Offer(std::move(tool)));
  gone->Run(ToolCall{"weather", R"({"city":"Bonn"})"}, Epoch{1},
            [](const ToolOutcome&) { FAIL(); });
  gone.reset();
  Pass(6000);
}

TEST_F(ToolRunnerTest, OffersEachNameOnce) {
  EXPECT_FALSE(runner.Offer(std::make_unique<HeldTool>()));
  runner.Withdraw("weather");
  EXPECT_TRUE(runner.empty());
  EXPECT_TRUE(runner.Offer(std::make_unique<HeldTool>()));
  EXPECT_EQ(ToolLine(runner.specs()[0]), "weather(city, unit): the weather");
  EXPECT_EQ(ToolJson(runner.specs()[0]).substr(0, 57),
            R"({"type":"function","function":{"name":"weather","descript)");
}

TEST(ToolOutcome, ALongResultIsCutBetweenCharacters) {
  const ToolOutcome outcome{"call_1", "a", std::string("na\u00efve, na\u00efve"), Duration()};
  EXPECT_EQ(outcome.ForModel(3), "na …");
  EXPECT_EQ(outcome.ForModel(4), "na\u00ef …");
  EXPECT_EQ(outcome.ForModel(100), "na\u00efve, na\u00efve");
}

class BuiltinToolsTest : public testing::Test {
 protected:
  std::string Call(const char* name, const char* arguments) {
    std::string text;
    runner.Run(ToolCall{name, arguments}, Epoch{1},
               [&text](const ToolOutcome& outcome) { text = outcome.ForModel(500); });
    executor->RunUntil(executor->Now());
    return text;
  }
  void Offer(const char* names) {
    ToolsConfig config;
    config.offer = names;
    // Sunday, 22 November 2026, 07:05:00 UTC
    const auto clock = [] { return std::chrono::system_clock::from_time_t(1795331100); };
    runner.TellNotices([this](const ToolNotice& notice) { rung.push_back(notice.text); });
    offered = OfferBuiltinTools(config, executor, clock, runner);
  }
  std::shared_ptr<test::ManualExecutor> executor = std::make_shared<test::ManualExecutor>();
  ToolRunner runner{ToolsConfig(), executor};
  std::vector<std::string> rung;
  Status offered;
};

TEST_F(BuiltinToolsTest, TellTheTimeCountAndRing) {
  setenv("TZ", "UTC0", 1);
  tzset();
  Offer("time, timer,calculator");
  ASSERT_TRUE(offered);
  EXPECT_EQ(Call("time", "{}"), "Sunday, November 22, 2026, 07:05");
  EXPECT_EQ(Call("calculator", R"({"expression":"15% of 80"})"), "12");
  EXPECT_EQ(Call("calculator", R"({"expression":"1/0"})").substr(0, 6), "error:");
  EXPECT_EQ(Call("timer", R"({"minutes":1.5,"name":"the tea"})"),
            "A timer for the tea of 1 minute 30 seconds is running.");
  EXPECT_EQ(Call("timer", R"({"seconds":0})").substr(0, 6), "error:");
  executor->RunUntil(Time(milliseconds(89999)));
  EXPECT_TRUE(rung.empty());
  executor->RunUntil(Time(milliseconds(90001)));
  // It is spoken: the name, an argument that the model wrote, is not in it.
  EXPECT_EQ(rung, std::vector<std::string>{"The timer of 1 minute 30 seconds is over."});
}

TEST_F(BuiltinToolsTest, ATalkThatHasEndedRingsNoMore) {
  Offer("timer");
  Call("timer", R"({"seconds":5})");
  runner.Withdraw("timer");
  executor->Run();
  EXPECT_TRUE(rung.empty());
}

TEST_F(BuiltinToolsTest, AnUnknownNameIsRefused) {
  Offer("time, oracle");
  ASSERT_FALSE(offered);
  EXPECT_NE(offered.error().message.find("oracle"), std::string::npos);
}

}  // namespace
}  // namespace parley::realtime

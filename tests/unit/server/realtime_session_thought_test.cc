// What a session shows of thought, and what it counts: a talk that says what a test tells it to.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "support/session_stage.h"

namespace parley::server {
namespace {

using Json = nlohmann::json;

class ToldTalk final : public realtime::Session {
 public:
  void PushSound(PcmView) override {}
  void PushText(std::string) override {}
  void CommitTurn() override {}
  void Played(int64_t) override {}
  void Interrupt() override {}
  void Configure(realtime::TalkSettings) override {}
  void SetPast(realtime::PastTalk) override {}
  void Respond() override {}
  void DiscardTurn() override {}
  realtime::SessionStats stats() const override { return {}; }
};

class ToldTalks final : public test::SimTalks {
 public:
  Result<std::unique_ptr<realtime::Session>> Open(std::shared_ptr<realtime::Executor>,
                                                  realtime::EventSink sink,
                                                  std::optional<realtime::Effort>) override {
    sink_ = std::move(sink);
    return std::unique_ptr<realtime::Session>(std::make_unique<ToldTalk>());
  }
  template <class What>
  void Say(What what) {
    sink_({.at = executor().Now(), .epoch = Epoch{0}, .what = std::move(what)});
  }

 private:
  realtime::EventSink sink_;
};

class RealtimeSessionThought : public ::testing::Test {
 protected:
  void Start(bool shows_reasoning) {
    socket_->seen = [this](Json event, int64_t) {
      order_.See(event);
      events_.push_back(std::move(event));
    };
    session_ = std::make_shared<RealtimeSession>(
        config_, talks_, metrics_, socket_, SessionOpening{.shows_reasoning = shows_reasoning});
    session_->Start();
    talks_.Run(1);
  }
  void TearDown() override {
    session_->OnClosed();
    talks_.Run(1);
    session_.reset();
  }
  void Think(const char* text, realtime::ThoughtWhile when) {
    talks_.Say(realtime::Thought{ThoughtText(text), when});
  }
  void EndTurn() { talks_.Say(realtime::TurnEnded{.reason = "turn_model"}); }
  size_t Index(const std::string& type) const {
    size_t at = 0;
    while (at < events_.size() && events_[at]["type"] != type) ++at;
    return at;
  }
  Json Last(const std::string& type) const {
    Json last;
    for (const Json& event : events_) {
      if (event["type"] == type) last = event;
    }
    return last;
  }

  const ServerConfig config_;
  ToldTalks talks_;
  Metrics metrics_;
  std::shared_ptr<test::FakeSocket> socket_ = std::make_shared<test::FakeSocket>();
  std::vector<Json> events_;
  test::ProtocolOrder order_;
  std::shared_ptr<RealtimeSession> session_;
};

using enum realtime::ThoughtWhile;

TEST_F(RealtimeSessionThought, IsDoneOnceAndBehindAllOfItsPieces) {
  Start(true);
  talks_.Say(realtime::SpeechStarted{});
  Think("two ", kListening);
  EndTurn();
  Think("and three", kGap);  // between the end of the turn and its answer
  talks_.Say(realtime::Heard{.text = "Two and three?", .final = true});
  Think("is five", kGap);
  talks_.Say(realtime::Say{.text = "Five."});
  talks_.Say(realtime::TurnDone{});
  EXPECT_EQ(Last("x_parley.thought.done")["text"], "two and three");
  EXPECT_EQ(Last("x_parley.thought.delta")["while"], "gap");
  EXPECT_LT(Index("x_parley.thought.done"), Index("response.created"));
  EXPECT_EQ(Last("response.reasoning_text.done")["text"], "is five");
  EXPECT_LT(Index("response.reasoning_text.done"), Index("response.done"));
  const Json output = Last("response.done")["response"]["output"];
  ASSERT_EQ(output.size(), 1U) << "a thought is no item";
  EXPECT_EQ(output[0]["content"][0]["transcript"], "Five.");
}

TEST_F(RealtimeSessionThought, IsDoneWhenItsTurnIsThrownAway) {
  Start(true);
  talks_.Say(realtime::SpeechStarted{});
  Think("two", kListening);
  session_->OnText(R"({"type":"input_audio_buffer.clear"})");
  talks_.Run(1);
  EXPECT_EQ(Last("x_parley.thought.done")["text"], "two");
  EXPECT_EQ(Last("x_parley.thought.done")["item_id"], Last("x_parley.thought.delta")["item_id"]);
}

TEST_F(RealtimeSessionThought, IsNotShownToThoseWhoDidNotAsk) {
  Start(false);
  talks_.Say(realtime::SpeechStarted{});
  Think("two", kListening);
  EndTurn();
  talks_.Say(realtime::Heard{.text = "Two?", .final = true});
  Think("is two", kGap);
  talks_.Say(realtime::Say{.text = "Two."});
  Think("indeed", kSpeaking);
  talks_.Say(realtime::TurnDone{});
  EXPECT_EQ(Last("response.done")["response"]["status"], "completed");
  for (const Json& event : events_) {
    const std::string type = event["type"];
    EXPECT_FALSE(type.starts_with("x_parley.") || type.starts_with("response.reasoning")) << type;
  }
}

TEST(RealtimeSessionEffort, IsSettledWhenATalkBegins) {
  test::SessionStage stage;
  const auto ask = [&](const char* effort) {
    stage.Tell({{"type", "session.update"},
                {"session", {{"type", "realtime"}, {"reasoning", {{"effort", effort}}}}}});
    stage.talks.Run(1);
    return stage.Last("session.updated")["session"]["reasoning"]["effort"];
  };
  const auto& efforts = stage.talks.efforts();
  EXPECT_EQ(efforts.back(), std::nullopt) << "as the operator chose";
  EXPECT_EQ(ask("high"), "high");
  EXPECT_EQ(efforts.back(), realtime::Effort::kHigh);
  EXPECT_EQ(ask("minimal"), "minimal");
  EXPECT_EQ(efforts.back(), realtime::Effort::kMinimal);
  EXPECT_EQ(ask("minimal"), "minimal");
  EXPECT_EQ(efforts.size(), 3U) << "nothing has changed";
  stage.Turns(nullptr, {{"output_modalities", {"text"}}});
  stage.Say("What time is it?");
  stage.Tell("response.create");
  stage.talks.Run(2000);
  EXPECT_EQ(stage.Last("response.output_text.done")["text"], "It is noon.");
  EXPECT_EQ(ask("high"), "minimal") << "the echo says what holds";
  EXPECT_EQ(efforts.size(), 3U);
  EXPECT_TRUE(stage.All("error").empty());
}

TEST_F(RealtimeSessionThought, UsageCountsSoundTextAndReasoningOnceEach) {
  Start(false);
  talks_.Say(realtime::SpeechStarted{});
  EndTurn();
  talks_.Say(realtime::Heard{.text = "Two?", .final = true});
  talks_.Say(realtime::Say{.text = "Two."});
  realtime::TurnTrace trace;
  trace.prompt_ids = {7, 8, -1, -1, -1, 9, 10, 11};  // frames of sound have no ids
  trace.prompt_thought_tokens = 2;                   // of them, notes of the model's own
  trace.cached_tokens = 4;
  trace.thought_tokens_listening = 2;
  trace.thought_tokens_after_turn = 3;
  trace.thought_tokens_speaking = 4;
  trace.answer_tokens = 5;
  talks_.Say(realtime::TurnDone{trace});
  const Json usage = Last("response.done")["response"]["usage"];
  EXPECT_EQ(usage["input_tokens"], 6);
  EXPECT_EQ(usage["input_token_details"]["audio_tokens"], 3);
  EXPECT_EQ(usage["input_token_details"]["text_tokens"], 3);
  EXPECT_EQ(usage["input_token_details"]["cached_tokens"], 4);
  EXPECT_EQ(usage["output_tokens"], 14);
  EXPECT_EQ(usage["output_token_details"]["text_tokens"], 5);
  EXPECT_EQ(usage["output_token_details"]["reasoning_tokens"], 9);
  EXPECT_EQ(usage["total_tokens"], 20);
}

}  // namespace
}  // namespace parley::server

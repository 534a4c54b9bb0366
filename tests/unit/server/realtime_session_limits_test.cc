// When a session ends that its client has not ended.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "support/session_stage.h"

namespace parley::server {
namespace {

using test::kServerVad;
using test::SessionStage;
using Json = nlohmann::json;

TEST(RealtimeSession, EndsWhenNobodySaysAnything) {
  ServerConfig config;
  config.first_message_s = 3;
  config.idle_s = 10;
  SessionStage silent({}, config), idle({}, config);
  silent.talks.Run(4500);
  EXPECT_EQ(silent.socket->code, 1008);
  EXPECT_EQ(silent.ended, 1);
  idle.Tell("input_audio_buffer.clear");
  idle.talks.Run(9000);
  EXPECT_EQ(idle.socket->code, 0);
  idle.talks.Run(3000);
  EXPECT_EQ(idle.socket->code, 1008);
}

TEST(RealtimeSession, SaysThatItIsOldBeforeItEnds) {
  ServerConfig config;
  config.longest_session_s = 10;
  SessionStage stage({}, config);
  for (int i = 0; i < 12; ++i) stage.Sound(1000);
  EXPECT_EQ(stage.Last("error")["error"]["code"], "session_expired");
  EXPECT_EQ(stage.socket->code, 1001);
}

TEST(RealtimeSession, SendsSoundAtMostASecondAheadOfItsPlaying) {
  SessionStage stage;
  stage.Turns(kServerVad);
  stage.Sound(300);
  stage.Sound(700, 2);  // a long story, which the voice makes at once
  stage.Sound(14'000);
  const auto deltas = stage.All("response.output_audio.delta");
  ASSERT_GT(deltas.size(), 10U);
  double sent_ms = 0, most_ms = 0;
  for (const Json& delta : deltas) {
    sent_ms +=
        static_cast<double>(wire::DecodeBase64(delta["delta"].get<std::string>())->size()) / 48.0;
    const double playing = delta["at"].get<double>() - deltas[0]["at"].get<double>();
    most_ms = std::max(most_ms, sent_ms - playing);
  }
  EXPECT_GT(sent_ms, 9000);
  EXPECT_LE(most_ms, 1000 + 100) << "a second, and the piece that fills it";
  EXPECT_GT(most_ms, 300) << "and not from hand to mouth: a network stalls";
}

TEST(RealtimeSession, RefusesMinutesOfSoundThatNobodyCouldHearYet) {
  SessionStage stage;
  std::string text;
  wire::AppendBase64(text, std::string(24000 * 2 * 60, '\0'));  // a minute
  for (int i = 0; i < 7; ++i) stage.Tell({{"type", "input_audio_buffer.append"}, {"audio", text}});
  stage.talks.Run(10);
  EXPECT_EQ(stage.Last("error")["error"]["code"], "rate_limit_exceeded");
  EXPECT_EQ(stage.socket->code, 1008);
}

TEST(RealtimeSession, TellsAClientWhenTheEngineHasNoRoom) {
  test::SimTalks talks;
  talks.scripted_engine().script().capacity = 10;
  server::Metrics metrics;
  const ServerConfig config;
  auto socket = std::make_shared<test::FakeSocket>();
  std::vector<Json> events;
  socket->seen = [&](Json event, int64_t) { events.push_back(std::move(event)); };
  auto session =
      std::make_shared<RealtimeSession>(config, talks, metrics, socket, SessionOpening{});
  session->Start();
  talks.Run(10);
  EXPECT_EQ(socket->code, 1013);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0]["error"]["code"], "server_at_capacity");
}

TEST(RealtimeSession, EndsWithItsDevice) {
  SessionStage stage;
  stage.Turns(kServerVad);
  stage.Sound(300);
  const Error gone = Fail(Code::kDevice, "the GPU fell off the bus");
  for (int i = 0; i < 40 && stage.socket->code == 0; ++i) {
    stage.talks.scripted_engine().FailNext(gone);  // and everything after it
    stage.Sound(100, i < 7 ? 2 : 0);
  }
  EXPECT_EQ(stage.socket->code, 1011);
  EXPECT_EQ(stage.ended, 1);
  const Json done = stage.Last("response.done")["response"];
  const Json told = stage.Last("error");
  const std::string why =
      (told.is_object() ? told["error"] : done["status_details"]["error"])["message"];
  EXPECT_NE(why.find("fell off the bus"), std::string::npos) << done << told;
}

TEST(RealtimeSession, DrainsBehindItsTurn) {
  SessionStage idle, busy({.shows_reasoning = true});
  busy.Turns(kServerVad);
  busy.Sound(300);
  busy.Sound(700, 2);  // a long story
  busy.Sound(1500);
  for (SessionStage* stage : {&idle, &busy}) {
    stage->session->Drain(20'000);
    stage->talks.Run(100);
  }
  EXPECT_EQ(idle.socket->code, 1001);
  EXPECT_EQ(busy.socket->code, 0) << "its turn is not over";
  EXPECT_EQ(busy.Last("x_parley.session.draining")["deadline_ms"], 20'000);
  busy.Sound(15'000);
  EXPECT_EQ(busy.Last("response.done")["response"]["status"], "completed");
  EXPECT_EQ(busy.socket->code, 1001);
}

TEST(RealtimeSession, DrainsAtTheLatestAtItsDeadline) {
  SessionStage stage;
  stage.Turns(kServerVad);
  stage.Sound(300);
  stage.Sound(700, 2);
  stage.Sound(1500);
  stage.session->Drain(1000);
  stage.talks.Run(900);
  EXPECT_EQ(stage.socket->code, 0);
  stage.talks.Run(300);
  EXPECT_EQ(stage.socket->code, 1001);
}

}  // namespace
}  // namespace parley::server

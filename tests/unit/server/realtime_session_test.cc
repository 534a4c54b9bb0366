// One session of the protocol from end to end, without network, models or clock. The phrases and answers are those of
// support/scripted_talks.h.
// SPDX-License-Identifier: Apache-2.0
#include "server/realtime_session.h"

#include <gtest/gtest.h>

#include <random>

#include "support/session_stage.h"

namespace parley::server {
namespace {

using test::kSemanticVad;
using test::kServerVad;
using test::SessionStage;
using Json = nlohmann::json;

TEST(RealtimeSession, TellsATurnInTheOrderThatClientsRelyOn) {
  SessionStage stage;
  stage.Turns(kServerVad);
  const size_t since = stage.events.size();
  stage.Sound(300);
  stage.Sound(700, 3);
  stage.Sound(3000);
  std::vector<std::string> chain = stage.Types(since);
  chain.erase(std::unique(chain.begin(), chain.end()), chain.end());
  std::erase(chain, "conversation.item.input_audio_transcription.delta");
  const std::vector<std::string> wanted = {"input_audio_buffer.speech_started",
                                           "input_audio_buffer.speech_stopped",
                                           "input_audio_buffer.committed",
                                           "conversation.item.added",
                                           "conversation.item.done",
                                           "conversation.item.input_audio_transcription.completed",
                                           "response.created",
                                           "response.output_item.added",
                                           "conversation.item.added",
                                           "response.content_part.added",
                                           "response.output_audio_transcript.delta",
                                           "response.output_audio.delta",
                                           "response.output_audio.done",
                                           "response.output_audio_transcript.done",
                                           "response.content_part.done",
                                           "conversation.item.done",
                                           "response.output_item.done",
                                           "response.done"};
  EXPECT_EQ(chain, wanted);
  const Json done = stage.Last("response.done")["response"];
  EXPECT_EQ(done["status"], "completed");
  EXPECT_EQ(done["output"][0]["content"][0]["transcript"], "It is noon.");
  EXPECT_GT(done["usage"]["input_tokens"], 5);
  EXPECT_EQ(done["usage"]["output_tokens"], done["usage"]["output_token_details"]["text_tokens"]);
  EXPECT_EQ(stage.Last("conversation.item.input_audio_transcription.completed")["transcript"],
            "Stop, what time is it?");
}

TEST(RealtimeSession, SaysWhenEachPieceOfTheTranscriptSounds) {
  SessionStage stage;
  stage.Turns(kServerVad);
  stage.Sound(300);
  stage.Sound(700, 2);  // a long story
  stage.Sound(14000);
  const auto deltas = stage.All("response.output_audio_transcript.delta");
  ASSERT_GT(deltas.size(), 1U);
  double last = -1;
  size_t letters = 0;
  for (const Json& delta : deltas) {
    ASSERT_TRUE(delta.contains("start_time")) << delta;
    const double start = delta["start_time"];
    EXPECT_GT(start, last);
    // The voice takes 60 ms a letter; white space between clauses is not spoken.
    EXPECT_NEAR(start, static_cast<double>(letters) * 0.06, 0.2) << delta;
    last = start;
    const std::string text = delta["delta"];
    letters += text.size() - text.find_first_not_of(' ');
  }
  // Told before it sounds.
  EXPECT_LT(deltas[0]["at"], stage.All("response.output_audio.delta")[0]["at"].get<double>() + 1);
}

TEST(RealtimeSession, ServerVadStopsTheAnswerAtTheOnsetOfAVoice) {
  SessionStage stage;
  stage.Turns(kServerVad);
  stage.Sound(300);
  stage.Sound(700, 2);
  stage.Sound(2000);  // the story has begun
  ASSERT_FALSE(stage.All("response.output_audio.delta").empty());
  ASSERT_TRUE(stage.All("response.done").empty());
  const double voice = Ms(stage.talks.executor().Now());
  stage.Sound(700, 3);
  const Json done = stage.Last("response.done")["response"];
  ASSERT_TRUE(done.is_object());
  EXPECT_EQ(done["status"], "cancelled");
  EXPECT_EQ(done["status_details"]["reason"], "turn_detected");
  EXPECT_EQ(done["output"][0]["status"], "incomplete");
  EXPECT_LE(stage.All("response.output_audio.delta").back()["at"].get<double>() - voice, 150);
  stage.Sound(3000);
  EXPECT_EQ(stage.Last("response.done")["response"]["status"], "completed");
  EXPECT_EQ(stage.metrics.barge_ins.value(), 1);
  std::string stopped;
  stage.metrics.barge_in_stop.Write(stopped, "stop", "");
  EXPECT_NE(stopped.find("stop_bucket{le=\"0.2\"} 1\n"), std::string::npos) << stopped;
  EXPECT_NE(stopped.find("stop_count 1\n"), std::string::npos) << stopped;
}

TEST(RealtimeSession, CountsHowOftenAnAnswerRanDry) {
  const auto underruns = [](int64_t ms_a_token) {
    SessionStage stage;
    stage.talks.scripted_engine().script().step = milliseconds(ms_a_token);
    stage.Turns(kServerVad);
    stage.Sound(300);
    stage.Sound(700, 2);  // a long story
    stage.Sound(24000);
    stage.session->OnClosed();
    stage.talks.Run(1);
    return stage.metrics.underruns.value();
  };
  EXPECT_EQ(underruns(15), 0);
  EXPECT_GT(underruns(900), 0) << "its words sound for half of this";
}

TEST(RealtimeSession, SemanticVadHoldsSoundAndGivesItAfterAFalseAlarm) {
  SessionStage quiet, alarmed;
  for (SessionStage* stage : {&quiet, &alarmed}) {
    stage->Turns(kSemanticVad);
    stage->Sound(300);
    stage->Sound(700, 2);
    stage->Sound(2500);
    stage->Sound(160, stage == &alarmed ? 0.4 : 0);  // a cough
    stage->Sound(14000);
  }
  const auto sound = [](const SessionStage& stage) {
    std::string all;
    for (const Json& delta : stage.All("response.output_audio.delta")) {
      all += wire::DecodeBase64(delta["delta"].get<std::string>()).value_or("");
    }
    return all;
  };
  EXPECT_EQ(alarmed.Last("response.done")["response"]["status"], "completed");
  EXPECT_EQ(alarmed.All("input_audio_buffer.speech_started").size(), 1U);
  EXPECT_EQ(sound(quiet).size(), sound(alarmed).size());
  EXPECT_TRUE(sound(quiet) == sound(alarmed)) << "the same sound, nothing lost";
}

TEST(RealtimeSession, SemanticVadTellsOfAVoiceOnceItIsATurn) {
  SessionStage stage;
  stage.Turns(kSemanticVad);
  stage.Sound(300);
  stage.Sound(700, 2);
  stage.Sound(2500);
  const std::string story = stage.Last("response.created")["response"]["id"];
  const size_t before = stage.events.size();
  const double voice = Ms(stage.talks.executor().Now());
  stage.Sound(1200, 3);
  stage.Sound(3000);
  const auto started = stage.All("input_audio_buffer.speech_started", before);
  ASSERT_EQ(started.size(), 1U);
  EXPECT_LE(started[0]["at"].get<double>() - voice, 500);
  double last = 0;
  for (const Json& delta : stage.All("response.output_audio.delta")) {
    if (delta["response_id"] == story) last = delta["at"];
  }
  // Held from 100 ms of voice; the voice detector's window and the client's block come on top.
  EXPECT_LE(last - voice, 100 + 32 + 20);
  EXPECT_GT(started[0]["at"].get<double>() - last, 40) << "sound was held before it was told";
}

TEST(RealtimeSession, PushToTalkCommitsAndAnswersWhenAsked) {
  SessionStage stage;
  stage.Turns(nullptr);
  stage.Tell("input_audio_buffer.commit");
  stage.talks.Run(10);
  EXPECT_EQ(stage.Last("error")["error"]["code"], "input_audio_buffer_commit_empty");
  stage.Sound(300);
  stage.Sound(700, 3);
  stage.Sound(1500);
  EXPECT_TRUE(stage.All("input_audio_buffer.committed").empty());
  stage.Tell("input_audio_buffer.commit");
  stage.talks.Run(500);
  EXPECT_EQ(stage.All("input_audio_buffer.committed").size(), 1U);
  EXPECT_TRUE(stage.All("response.created").empty()) << "nobody asked";
  EXPECT_TRUE(stage.All("input_audio_buffer.speech_started").empty());
  stage.Tell("response.create");
  stage.talks.Run(3000);
  EXPECT_EQ(stage.Last("response.done")["response"]["status"], "completed");
  stage.Sound(300, 2);
  stage.Tell("input_audio_buffer.clear");
  stage.talks.Run(10);
  EXPECT_EQ(stage.All("input_audio_buffer.cleared").size(), 1U);
  stage.Tell("input_audio_buffer.commit");
  stage.talks.Run(10);
  EXPECT_EQ(stage.All("error").size(), 2U) << "what was cleared cannot be committed";
}

TEST(RealtimeSession, AnswersTextWithTextAlone) {
  SessionStage stage;
  stage.Turns(nullptr, {{"output_modalities", {"text"}}});
  stage.Say("What time is it?");
  stage.Tell(
      Json{{"type", "response.create"}, {"response", {{"metadata", {{"client_event_id", "e1"}}}}}});
  stage.talks.Run(2000);
  const Json created = stage.Last("response.created")["response"];
  EXPECT_EQ(created["metadata"]["client_event_id"], "e1");
  EXPECT_EQ(created["output_modalities"], Json::array({"text"}));
  EXPECT_TRUE(stage.All("response.output_audio.delta").empty());
  EXPECT_TRUE(stage.All("response.output_audio_transcript.delta").empty());
  EXPECT_EQ(stage.Last("response.output_text.done")["text"], "It is noon.");
  EXPECT_EQ(stage.Last("response.done")["response"]["output"][0]["content"][0]["type"],
            "output_text");
}

TEST(RealtimeSession, CallsAToolAndAnswersWithItsResult) {
  SessionStage stage;
  const Json tool = {{"type", "function"},
                     {"name", "get_weather"},
                     {"description", "The weather of a city."},
                     {"parameters", {{"type", "object"}}}};
  stage.Turns(kServerVad, {{"tools", Json::array({tool})}});
  const size_t since = stage.events.size();
  stage.Sound(300);
  stage.Sound(700, 1);
  stage.Sound(2500);
  const Json call = stage.Last("response.function_call_arguments.done");
  ASSERT_TRUE(call.is_object());
  EXPECT_EQ(call["name"], "get_weather");
  EXPECT_EQ(Json::parse(call["arguments"].get<std::string>())["city"], "Bonn");
  EXPECT_LE(call["call_id"].get<std::string>().size(), 32U);
  const auto types = stage.Types(since);
  const auto at = [&](const std::string& type) {
    return std::find(types.begin(), types.end(), type) - types.begin();
  };
  EXPECT_LT(at("response.output_item.added"), at("response.function_call_arguments.delta"));
  EXPECT_LT(at("response.function_call_arguments.done"), at("response.output_item.done"));
  stage.Tell(
      {{"type", "conversation.item.create"},
       {"item",
        {{"type", "function_call_output"}, {"call_id", call["call_id"]}, {"output", "sunny"}}}});
  stage.Tell("response.create");
  stage.talks.Run(4000);
  EXPECT_EQ(stage.Last("response.output_audio_transcript.done")["transcript"],
            "It is sunny in Bonn today.");
}

TEST(RealtimeSession, CancelsOnceAndSaysSoTheSecondTime) {
  SessionStage stage;
  stage.Turns(kServerVad);
  stage.Sound(300);
  stage.Sound(700, 2);
  stage.Sound(2000);
  stage.Tell("response.create");  // one at a time
  stage.Tell("response.cancel");
  stage.talks.Run(200);
  EXPECT_EQ(stage.Last("error")["error"]["code"], "conversation_already_has_active_response");
  const Json done = stage.Last("response.done")["response"];
  EXPECT_EQ(done["status"], "cancelled");
  EXPECT_EQ(done["status_details"]["reason"], "client_cancelled");
  stage.Tell("response.cancel");
  stage.talks.Run(200);
  const Json error = stage.Last("error")["error"];
  EXPECT_EQ(error["code"], "response_cancel_not_active");
  EXPECT_TRUE(error["message"].get<std::string>().starts_with("Cancellation failed"));
}

TEST(RealtimeSession, AnswersBesideTheConversationWithoutAddingToIt) {
  SessionStage stage;
  stage.Turns(nullptr, {{"output_modalities", {"text"}}});
  stage.Tell({{"type", "response.create"},
              {"response",
               {{"conversation", "none"},
                {"input", Json::array({{{"type", "message"},
                                        {"role", "user"},
                                        {"content", Json::array({{{"type", "input_text"},
                                                                  {"text", "time?"}}})}}})}}}});
  stage.talks.Run(2000);
  const Json done = stage.Last("response.done")["response"];
  EXPECT_TRUE(done["conversation_id"].is_null());
  EXPECT_EQ(done["output"][0]["content"][0]["text"], "It is noon.");
  EXPECT_TRUE(stage.order.items().empty());
  EXPECT_TRUE(stage.All("conversation.item.added").empty());
}

TEST(RealtimeSession, NamesTheVoicesWhenOneIsUnknown) {
  SessionStage stage;
  const auto voice = [&](const std::string& name) {
    stage.Tell({{"type", "session.update"},
                {"session", {{"type", "realtime"}, {"audio", {{"output", {{"voice", name}}}}}}}});
    stage.talks.Run(1);
    return stage.Last("session.updated")["session"]["audio"]["output"]["voice"];
  };
  EXPECT_EQ(voice("other"), "other");
  EXPECT_EQ(voice("marin"), "tone") << "OpenAI's names mean the default";
  EXPECT_TRUE(stage.All("error").empty());
  EXPECT_EQ(voice("zoe"), "tone");
  const Json error = stage.Last("error")["error"];
  EXPECT_EQ(error["param"], "session.audio.output.voice");
  EXPECT_NE(error["message"].get<std::string>().find("tone, other"), std::string::npos);
}

TEST(RealtimeSession, ShowsThoughtAndMarksOnlyToThoseWhoAsk) {
  SessionStage plain, opened({.shows_reasoning = true});
  for (SessionStage* stage : {&plain, &opened}) {
    stage->Turns(kServerVad);
    stage->Sound(300);
    stage->Sound(700, 3);
    stage->Sound(2500);
  }
  for (const Json& event : plain.events) {
    EXPECT_FALSE(event["type"].get<std::string>().starts_with("x_parley.")) << event;
  }
  EXPECT_FALSE(opened.All("x_parley.mark").empty());
}

TEST(RealtimeSession, RefusesWhatIsNoMessageAndLivesOn) {
  SessionStage stage;
  for (const char* text : {"", "[]", "{}", "{\"type\":5}", "{\"type\":\"none\"}", "{\"type\":\"",
                           "{\"type\":\"input_audio_buffer.append\",\"audio\":\"%%%\"}",
                           "{\"type\":\"input_audio_buffer.append\"}"}) {
    const size_t before = stage.All("error").size();
    stage.session->OnText(text);
    stage.talks.Run(1);
    EXPECT_EQ(stage.All("error").size(), before + 1) << text;
  }
  stage.session->OnText(std::string(1 << 20, '['));
  stage.talks.Run(1);
  EXPECT_EQ(stage.Last("error")["error"]["code"], "invalid_json");
  EXPECT_EQ(stage.socket->code, 0);
}

TEST(RealtimeSession, ADeepMessageInAnOldDialectDoesNoHarm) {
  SessionStage stage({.dialect = wire::Dialect::kBeta});
  stage.ordered = false;
  stage.session->OnText("{\"type\":\"session.update\",\"session\":{\"tools\":" +
                        std::string(1 << 22, '[') + std::string(1 << 22, ']') + "}}");
  stage.talks.Run(1);
  EXPECT_EQ(stage.Last("error")["error"]["code"], "invalid_json");
}

// ---- at any time ---------------------------------------------------------------------------------

// Clients cancel, cut, delete, clear and change their minds whenever they like: the order of events
// holds, and in the end the session is quiet and answers.
TEST(RealtimeSession, KeepsTheOrderWhateverAClientDoes) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto below = [&](unsigned n) { return static_cast<int>(random() % n); };
    SessionStage stage;
    for (int step = 0; step < 40; ++step) {
      const auto& items = stage.order.items();
      const std::string item = items.empty() ? "none" : items[random() % items.size()];
      switch (below(14)) {
        case 0:
          stage.Turns(below(3) == 0   ? Json()
                      : below(2) == 0 ? kServerVad
                                      : kSemanticVad,
                      {{"output_modalities", {below(4) == 0 ? "text" : "audio"}}});
          break;
        case 1:
        case 2:
        case 3:
          stage.Sound(100 * (1 + below(8)), 1 + below(3));
          break;
        case 4:
          stage.Tell("input_audio_buffer.commit");
          break;
        case 5:
          stage.Tell("input_audio_buffer.clear");
          break;
        case 6:
          stage.Tell("response.create");
          break;
        case 7:
          stage.Tell("response.cancel");
          break;
        case 8:
          stage.Say("Hello");
          break;
        case 9:
          stage.Tell({{"type", "conversation.item.truncate"},
                      {"item_id", item},
                      {"content_index", 0},
                      {"audio_end_ms", below(5000)}});
          break;
        case 10:
          stage.Tell({{"type", "conversation.item.delete"}, {"item_id", item}});
          break;
        case 11:
          stage.Tell({{"type", "x_parley.playback"},
                      {"item_id", item},
                      {"played_ms", below(4000)},
                      {"queued_ms", 0}});
          break;
        default:
          stage.Sound(100 * (1 + below(12)));
      }
    }
    stage.Turns(nullptr);
    stage.talks.Run(40'000);
    EXPECT_TRUE(stage.order.quiet()) << "a response never ended";
    const size_t before = stage.events.size();
    stage.Say("And now?");
    stage.Tell("response.create");
    stage.talks.Run(20'000);
    EXPECT_GE(stage.All("response.done", before).size(), 1U) << "it does not answer any more";
    EXPECT_EQ(stage.socket->code, 0);
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace parley::server

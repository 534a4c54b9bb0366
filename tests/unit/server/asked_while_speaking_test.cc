// A client asks for an answer while somebody speaks, or is about to: no word is lost, and there is an answer. The phrases
// and answers are those of support/scripted_talks.h.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "server/realtime_session.h"
#include "support/session_stage.h"

namespace parley::server {
namespace {

using test::kSemanticVad;
using test::kServerVad;
using test::SessionStage;
using Json = nlohmann::json;

// Nobody can know yet that somebody speaks: the answer is interrupted by a voice that began before it.
TEST(AskedWhileSpeaking, AtItsOnsetNoWordsAreLost) {
  for (const Json& turns : {kServerVad, kSemanticVad}) {
    for (const bool held : {false, true}) {
      SessionStage stage;
      Json mine = turns;
      if (held) mine["create_response"] = false;
      stage.Turns(mine);
      stage.Sound(300);
      if (held) {  // a turn that waits for its answer
        stage.Sound(700, 3);
        stage.Sound(1500);
        ASSERT_TRUE(stage.All("response.created").empty());
      }
      stage.Sound(40, 2);
      stage.Tell("response.create");
      stage.Sound(1200, 2);
      stage.Sound(2500);
      EXPECT_EQ(stage.Last("conversation.item.input_audio_transcription.completed")["transcript"],
                "Tell me a long story.");
      if (held) stage.Tell("response.create");
      stage.talks.Run(20'000);
      const auto done = stage.All("response.done");
      ASSERT_EQ(done.size(), 2U);
      EXPECT_EQ(done[0]["response"]["status_details"]["reason"], "turn_detected");
      EXPECT_EQ(done[1]["response"]["status"], "completed");
      const std::string said =
          stage.Last("response.output_audio_transcript.done")["transcript"].get<std::string>();
      EXPECT_EQ(said.rfind("Once upon a time", 0), 0U) << said;
      EXPECT_TRUE(stage.All("error").empty());
    }
  }
}

TEST(AskedWhileSpeaking, TheAnswerIsThatOfTheTurn) {
  for (const bool answers : {true, false}) {
    SessionStage stage;
    Json mine = kServerVad;
    mine["create_response"] = answers;
    stage.Turns(mine);
    stage.Sound(300);
    stage.Sound(400, 3);
    stage.Say("I have a watch.");
    stage.Tell(
        Json{{"type", "response.create"},
             {"response",
              {{"metadata", {{"client_event_id", "e1"}}}, {"output_modalities", {"text"}}}}});
    stage.Sound(400, 3);
    EXPECT_TRUE(stage.All("response.created").empty()) << "he still speaks";
    stage.Sound(3000);
    EXPECT_EQ(stage.Last("conversation.item.input_audio_transcription.completed")["transcript"],
              "Stop, what time is it?");
    const auto created = stage.All("response.created");
    ASSERT_EQ(created.size(), 1U);
    EXPECT_EQ(created[0]["response"]["metadata"]["client_event_id"], "e1");
    EXPECT_EQ(stage.Last("response.output_text.done")["text"], "It is noon.");
    EXPECT_TRUE(stage.All("response.output_audio.delta").empty());
    // The next turn is again as the session wants it.
    stage.Sound(700, 3);
    stage.Sound(2500);
    if (!answers) stage.Tell("response.create");
    stage.talks.Run(5000);
    EXPECT_FALSE(stage.All("response.output_audio.delta").empty());
    EXPECT_TRUE(stage.All("error").empty());
  }
}

TEST(AskedWhileSpeaking, TheAnswerIsGivenWhenTheTurnIsNone) {
  for (const int way : {0, 1, 2}) {
    SessionStage stage;
    stage.Turns(kServerVad);
    stage.Sound(300);
    stage.Sound(400, 0.4);  // a voice without words
    stage.Say("What time is it?");
    stage.Tell("response.create");
    stage.Sound(60, 0.4);
    EXPECT_TRUE(stage.All("response.created").empty());
    if (way == 0) stage.Sound(3000);
    if (way == 1) stage.Tell("input_audio_buffer.clear");
    if (way == 2) stage.Turns(nullptr);
    stage.talks.Run(5000);
    ASSERT_EQ(stage.All("response.done").size(), 1U) << way;
    EXPECT_EQ(stage.Last("response.output_audio_transcript.done")["transcript"], "It is noon.");
  }
}

}  // namespace
}  // namespace parley::server

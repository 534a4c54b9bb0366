// The items of a conversation, as clients change them.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "support/session_stage.h"

namespace parley::server {
namespace {

using test::kServerVad;
using test::SessionStage;
using Json = nlohmann::json;

TEST(RealtimeSession, KeepsAListOfItemsThatClientsChange) {
  SessionStage stage;
  stage.Turns(nullptr);
  const auto create = [&](const std::string& id, const Json& after) {
    Json event = {{"type", "conversation.item.create"},
                  {"item",
                   {{"id", id},
                    {"type", "message"},
                    {"role", "user"},
                    {"content", Json::array({{{"type", "input_text"}, {"text", id}}})}}}};
    if (!after.is_null()) event["previous_item_id"] = after;
    stage.Tell(event);
  };
  create("b", Json());
  create("d", Json());
  create("a", "root");
  create("c", "b");
  stage.talks.Run(1);
  EXPECT_EQ(stage.order.items(), (std::vector<std::string>{"a", "b", "c", "d"}));
  create("b", Json());    // there already
  create("e", "nobody");  // behind nothing
  stage.Tell({{"type", "conversation.item.retrieve"}, {"item_id", "nobody"}});
  stage.Tell({{"type", "conversation.item.delete"}, {"item_id", "nobody"}});
  stage.Tell({{"type", "conversation.item.truncate"},
              {"item_id", "nobody"},
              {"content_index", 0},
              {"audio_end_ms", 5}});
  stage.talks.Run(1);
  std::vector<std::string> codes;
  for (const Json& error : stage.All("error"))
    codes.push_back(error["error"]["code"].get<std::string>());
  EXPECT_EQ(codes, (std::vector<std::string>{
                       "invalid_value", "invalid_value", "item_retrieve_invalid_item_id",
                       "item_delete_invalid_item_id", "item_truncate_invalid_item_id"}));
  stage.Tell({{"type", "conversation.item.delete"}, {"item_id", "b"}});
  stage.Tell({{"type", "conversation.item.retrieve"}, {"item_id", "c"}});
  stage.talks.Run(1);
  EXPECT_EQ(stage.order.items(), (std::vector<std::string>{"a", "c", "d"}));
  EXPECT_EQ(stage.Last("conversation.item.retrieved")["item"]["content"][0]["text"], "c");
}

TEST(RealtimeSession, CutsAnAnswerWhereTheClientStoppedPlaying) {
  SessionStage stage;
  stage.Turns(kServerVad);
  stage.Sound(300);
  stage.Sound(700, 2);
  stage.Sound(4000);
  const std::string id = stage.Last("response.output_item.added")["item"]["id"];
  // 40 letters of 60 ms.
  stage.Tell({{"type", "conversation.item.truncate"},
              {"item_id", id},
              {"content_index", 0},
              {"audio_end_ms", 2400}});
  stage.Tell({{"type", "conversation.item.retrieve"}, {"item_id", id}});
  stage.talks.Run(10);
  EXPECT_EQ(stage.Last("conversation.item.truncated")["audio_end_ms"], 2400);
  const std::string kept =
      stage.Last("conversation.item.retrieved")["item"]["content"][0]["transcript"];
  EXPECT_TRUE(
      std::string("Once upon a time there was a king who had three sons").starts_with(kept));
  EXPECT_NEAR(static_cast<double>(kept.size()), 40, 6);
  // Beyond the end it is clamped, and no error.
  stage.Tell({{"type", "conversation.item.truncate"},
              {"item_id", id},
              {"content_index", 0},
              {"audio_end_ms", 9'000'000}});
  stage.talks.Run(10);
  EXPECT_LT(stage.Last("conversation.item.truncated")["audio_end_ms"], 60'000);
  EXPECT_TRUE(stage.All("error").empty());
}

}  // namespace
}  // namespace parley::server

// tests/fixtures/protocol: the cases that the page's JavaScript reads as well.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "wire/codec.h"

namespace parley::wire {
namespace {

using Json = nlohmann::json;

Json Cases(const std::string& name) {
  std::ifstream file(PARLEY_SOURCE_DIR "/tests/fixtures/protocol/" + name + ".json");
  return Json::parse(file);
}

std::string Read(const std::string& from, const std::string& text) {
  if (from == "server") {
    const auto message = DecodeServer(text);
    if (const auto* error = std::get_if<ErrorBody>(&message)) return error->message;
    const auto& read = std::get<ServerMessage>(message);
    return Encode(read.event, read.event_id);
  }
  const auto message = DecodeClient(text);
  if (const auto* error = std::get_if<ErrorBody>(&message)) return error->message;
  const auto& read = std::get<ClientMessage>(message);
  return Encode(read.event, read.event_id);
}

void ReadsAll(const std::string& name) {
  const Json cases = Cases(name);
  ASSERT_GT(cases.size(), 10U);
  for (const Json& c : cases) {
    const std::string written = Read(c["from"], c["text"]);
    const Json decoded = Json::parse(written, nullptr, false);
    ASSERT_FALSE(decoded.is_discarded()) << c["name"] << ": " << written;
    EXPECT_EQ(decoded, c["decoded"]) << c["name"];
    EXPECT_EQ(Read(c["from"], written), written) << c["name"] << ": what we write, we read";
  }
}

TEST(ProtocolFixtures, ReadsWhatAServerSays) { ReadsAll("server"); }
TEST(ProtocolFixtures, ReadsWhatAClientSays) { ReadsAll("client"); }

TEST(ProtocolFixtures, RefusesWithTheNameOfWhatIsWrong) {
  for (const Json& c : Cases("refused")) {
    const auto message = DecodeClient(c["text"].get<std::string>());
    const auto* error = std::get_if<ErrorBody>(&message);
    ASSERT_NE(error, nullptr) << c["name"];
    EXPECT_EQ(error->code, c["error"]["code"].get<std::string>()) << c["name"];
    EXPECT_EQ(error->param.value_or(""), c["error"].value("param", "")) << c["name"];
    EXPECT_EQ(error->event_id.value_or(""), c["error"].value("event_id", "")) << c["name"];
    EXPECT_FALSE(error->message.empty()) << c["name"];
  }
}

// As Hugging Face's speech-to-speech writes them, for one.
TEST(Codec, TakesNullForWhatAnotherServerDoesNotKnow) {
  const auto created = DecodeServer(
      R"({"type":"response.created","event_id":"e1","response":{"id":"resp_1","status":"in_progress","output":[],
          "audio":{"output":{"format":null,"voice":null}},"max_output_tokens":null,"metadata":null,"usage":null,
          "output_modalities":["audio"],"conversation_id":"conv_1","object":"realtime.response"}})");
  ASSERT_TRUE(std::holds_alternative<ServerMessage>(created))
      << std::get<ErrorBody>(created).message;
  const auto& event = std::get<server::ResponseCreated>(std::get<ServerMessage>(created).event);
  EXPECT_EQ(event.response.id, "resp_1");
  EXPECT_FALSE(event.response.max_output_tokens.limit);
  const auto error = DecodeServer(
      R"({"type":"error","error":{"type":"invalid_request_error","code":null,"message":"no","event_id":"e7"}})");
  ASSERT_TRUE(std::holds_alternative<ServerMessage>(error));
  EXPECT_EQ(std::get<server::ErrorEvent>(std::get<ServerMessage>(error).event).error.event_id,
            "e7");
  // What an event means nothing without is still asked for.
  EXPECT_TRUE(std::holds_alternative<ErrorBody>(
      DecodeClient(R"({"type":"conversation.item.truncate","item_id":null,"audio_end_ms":5})")));
}

TEST(Codec, RefusesInvalidUtf8) {
  const auto message =
      DecodeClient("{\"type\":\"session.update\",\"session\":{\"instructions\":\"\xFF\"}}");
  ASSERT_TRUE(std::holds_alternative<ErrorBody>(message));
  EXPECT_EQ(std::get<ErrorBody>(message).code, "invalid_json");
}

TEST(Codec, EveryServerEventHasATypeOfItsOwn) {
  // A type that is used twice would be read as the first one.
  ServerEvent event = server::Mark{.name = "turn_end", .audio_ms = 5};
  const auto read = DecodeServer(Encode(event, "event_1"));
  ASSERT_TRUE(std::holds_alternative<ServerMessage>(read));
  EXPECT_EQ(TypeOf(std::get<ServerMessage>(read).event), "x_parley.mark");
}

}  // namespace
}  // namespace parley::wire

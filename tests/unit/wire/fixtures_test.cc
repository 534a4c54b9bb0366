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

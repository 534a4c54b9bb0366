// SPDX-License-Identifier: Apache-2.0
#include "wire/dialect.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "wire/codec.h"

namespace parley::wire {
namespace {

using Json = nlohmann::json;

std::vector<std::string> TypesIn(Dialect dialect, const ServerEvent& event) {
  std::vector<std::string> types;
  for (const std::string& text : ToDialect(dialect, Encode(event, "event_1"))) {
    types.push_back(Json::parse(text)["type"]);
  }
  return types;
}

TEST(Dialect, TheBetaHasOlderNamesAndNothingThatItDoesNotKnow) {
  using Types = std::vector<std::string>;
  EXPECT_EQ(TypesIn(Dialect::kBeta, server::OutputAudioDelta{}), Types{"response.audio.delta"});
  EXPECT_EQ(TypesIn(Dialect::kBeta, server::OutputTranscriptDone{}),
            Types{"response.audio_transcript.done"});
  EXPECT_EQ(TypesIn(Dialect::kBeta, server::OutputTextDelta{}), Types{"response.text.delta"});
  EXPECT_EQ(TypesIn(Dialect::kBeta, server::ItemAdded{}), Types{"conversation.item.created"});
  EXPECT_EQ(TypesIn(Dialect::kBeta, server::ItemDone{}), Types{});
  EXPECT_EQ(TypesIn(Dialect::kBeta, server::ReasoningDelta{}), Types{});
  EXPECT_EQ(TypesIn(Dialect::kBeta, server::Mark{}), Types{});
  EXPECT_EQ(TypesIn(Dialect::kBeta, server::ErrorEvent{}), Types{"error"});
  EXPECT_EQ(TypesIn(Dialect::kGa, server::ItemDone{}), Types{"conversation.item.done"});
}

TEST(Dialect, StepFunReadsThoughtsAsThinking) {
  using Types = std::vector<std::string>;
  EXPECT_EQ(TypesIn(Dialect::kStep, server::ReasoningDelta{}), Types{"response.thinking.delta"});
  EXPECT_EQ(TypesIn(Dialect::kStep, server::ReasoningDone{}), Types{"response.thinking.done"});
}

TEST(Dialect, ABetaClientsFlatSessionIsTodays) {
  const std::string told = FromDialect(Dialect::kBeta, R"({"type":"session.update","session":{
    "modalities":["text"],"voice":"alloy","input_audio_format":"g711_ulaw","output_audio_format":"pcm16",
    "input_audio_transcription":{"model":"whisper-1"},"turn_detection":null,"max_response_output_tokens":50}})");
  const auto message = DecodeClient(told);
  ASSERT_TRUE(std::holds_alternative<ClientMessage>(message)) << told;
  const auto& session =
      std::get<client::SessionUpdate>(std::get<ClientMessage>(message).event).session;
  EXPECT_EQ(session.output_modalities, std::vector<std::string>{"text"});
  EXPECT_EQ(session.audio->input->format->type, "audio/pcmu");
  EXPECT_EQ(session.audio->output->format->type, "audio/pcm");
  EXPECT_EQ(session.audio->output->voice->name, "alloy");
  EXPECT_EQ(session.max_output_tokens->limit, 50);
  ASSERT_TRUE(session.audio->input->turn_detection.has_value());
  EXPECT_FALSE(session.audio->input->turn_detection->has_value()) << "null is push to talk";
}

TEST(Dialect, WhatIsNoObjectPassesThroughForTheDecoderToRefuse) {
  const std::string deep = "{\"type\":\"session.update\",\"session\":" + std::string(1 << 22, '[') +
                           std::string(1 << 22, ']') + "}";
  for (const std::string& text : {std::string("nonsense"), std::string("[1]"), deep}) {
    EXPECT_EQ(FromDialect(Dialect::kBeta, text), text);
    EXPECT_TRUE(std::holds_alternative<ErrorBody>(DecodeClient(text)));
  }
}

}  // namespace
}  // namespace parley::wire

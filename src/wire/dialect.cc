// SPDX-License-Identifier: Apache-2.0
#include "wire/dialect.h"

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "wire/codec.h"

namespace parley::wire {
namespace {

using Json = nlohmann::ordered_json;
using Pair = std::pair<std::string_view, std::string_view>;

constexpr std::array kEvents = {
    // today's, the beta's
    Pair{"response.output_audio.delta", "response.audio.delta"},
    Pair{"response.output_audio.done", "response.audio.done"},
    Pair{"response.output_audio_transcript.delta", "response.audio_transcript.delta"},
    Pair{"response.output_audio_transcript.done", "response.audio_transcript.done"},
    Pair{"response.output_text.delta", "response.text.delta"},
    Pair{"response.output_text.done", "response.text.done"},
    Pair{"conversation.item.added", "conversation.item.created"},
};
constexpr std::array kThoughts = {
    Pair{"response.reasoning_text.delta", "response.thinking.delta"},
    Pair{"response.reasoning_text.done", "response.thinking.done"},
};

// What a client wrote may be of any kind: value() would throw.
std::string TextOf(const Json& object, const char* name) {
  const auto entry = object.find(name);
  return entry != object.end() && entry->is_string() ? entry->get<std::string>() : std::string();
}

std::string BetaFormat(const Json& format) {
  const std::string type = format.is_object() ? format.value("type", "") : "";
  if (type == "audio/pcmu") return "g711_ulaw";
  if (type == "audio/pcma") return "g711_alaw";
  return "pcm16";
}

void RenameContent(Json& item) {
  if (!item.is_object() || !item.contains("content") || !item["content"].is_array()) return;
  for (Json& part : item["content"]) {
    if (!part.is_object() || !part.contains("type")) continue;
    if (part["type"] == "output_text") part["type"] = "text";
    if (part["type"] == "output_audio") part["type"] = "audio";
  }
}

Json BothModalities(const Json& ga) {
  const bool sound = ga.is_array() && !ga.empty() && ga[0] == "audio";
  return sound ? Json::array({"audio", "text"}) : Json::array({"text"});
}

Json BetaSession(const Json& ga) {
  Json beta;
  for (const char* name :
       {"id", "object", "expires_at", "model", "instructions", "tools", "tool_choice", "tracing"}) {
    if (ga.contains(name)) beta[name] = ga[name];
  }
  if (beta.contains("tool_choice") == false) beta["tool_choice"] = "auto";
  beta["modalities"] = BothModalities(ga.value("output_modalities", Json::array({"audio"})));
  beta["temperature"] = 0.8;
  if (ga.contains("max_output_tokens")) {
    beta["max_response_output_tokens"] = ga["max_output_tokens"];
  }
  const Json audio = ga.value("audio", Json::object());
  const Json input = audio.value("input", Json::object());
  const Json output = audio.value("output", Json::object());
  beta["input_audio_format"] = BetaFormat(input.value("format", Json()));
  beta["output_audio_format"] = BetaFormat(output.value("format", Json()));
  if (input.contains("transcription")) beta["input_audio_transcription"] = input["transcription"];
  if (input.contains("noise_reduction")) {
    beta["input_audio_noise_reduction"] = input["noise_reduction"];
  }
  if (input.contains("turn_detection")) beta["turn_detection"] = input["turn_detection"];
  for (const char* name : {"voice", "speed"}) {
    if (output.contains(name)) beta[name] = output[name];
  }
  return beta;
}

void BetaResponse(Json& response) {
  if (response.contains("output_modalities")) {
    response["modalities"] = BothModalities(response["output_modalities"]);
    response.erase("output_modalities");
  }
  if (response.contains("output") && response["output"].is_array()) {
    for (Json& item : response["output"]) RenameContent(item);
  }
  const Json output = response.value("audio", Json::object()).value("output", Json::object());
  response.erase("audio");
  response["output_audio_format"] = BetaFormat(output.value("format", Json()));
  if (output.contains("voice")) response["voice"] = output["voice"];
}

void Move(Json& from, const char* name, Json& to, const char* new_name) {
  if (!from.contains(name)) return;
  to[new_name] = from[name];
  from.erase(name);
}

void GaSession(Json& session) {
  if (!session.is_object()) return;
  Json input = Json::object(), output = Json::object();
  Move(session, "input_audio_format", input, "format");
  Move(session, "input_audio_transcription", input, "transcription");
  Move(session, "input_audio_noise_reduction", input, "noise_reduction");
  Move(session, "turn_detection", input, "turn_detection");
  Move(session, "output_audio_format", output, "format");
  Move(session, "voice", output, "voice");
  Move(session, "speed", output, "speed");
  Move(session, "modalities", session, "output_modalities");
  Move(session, "max_response_output_tokens", session, "max_output_tokens");
  if (!session.contains("audio") || !session["audio"].is_object())
    session["audio"] = Json::object();
  Json& audio = session["audio"];
  if (!input.empty() && !audio.contains("input")) audio["input"] = std::move(input);
  if (!output.empty() && !audio.contains("output")) audio["output"] = std::move(output);
}

}  // namespace

std::vector<std::string> ToDialect(Dialect dialect, std::string message) {
  if (dialect == Dialect::kGa) return {std::move(message)};
  Json json = Json::parse(message, nullptr, false);
  if (!json.is_object() || !json.contains("type") || !json["type"].is_string()) return {};
  const std::string type = json["type"];
  if (type == "conversation.item.done" || type.starts_with("x_parley.")) return {};
  for (const auto& [ga, beta] : kEvents) {
    if (type == ga) json["type"] = beta;
  }
  for (const auto& [ga, step] : kThoughts) {
    if (type != ga) continue;
    if (dialect != Dialect::kStep) return {};
    json["type"] = step;
  }
  if (json.contains("session")) json["session"] = BetaSession(json["session"]);
  if (json.contains("item")) RenameContent(json["item"]);
  if (json.contains("response") && json["response"].is_object()) BetaResponse(json["response"]);
  return {json.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

std::string FromDialect(Dialect dialect, std::string message) {
  if (dialect == Dialect::kGa) return message;
  if (message.find("input_audio_buffer.append") != std::string::npos) return message;
  if (TooDeep(message)) return message;  // whoever decodes it says so
  Json json = Json::parse(message, nullptr, false);
  if (!json.is_object()) return message;
  const std::string type = TextOf(json, "type");
  if (type == "session.update" && json.contains("session")) {
    GaSession(json["session"]);
  } else if (type == "response.create" && json.contains("response")) {
    GaSession(json["response"]);
  } else if (type == "conversation.item.create" && json.contains("item") &&
             json["item"].is_object() && TextOf(json["item"], "role") == "assistant" &&
             json["item"].contains("content")) {
    for (Json& part : json["item"]["content"]) {
      if (part.is_object() && TextOf(part, "type") == "text") part["type"] = "output_text";
    }
  } else {
    return message;
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace parley::wire

// SPDX-License-Identifier: Apache-2.0
#include "server/request_bodies.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "server/session_settings.h"
#include "wire/codec.h"

namespace parley::server {
namespace {

using Json = nlohmann::json;

constexpr size_t kLongestInput = 16384;  // bytes

Error Wrong(std::string what) { return Fail(Code::kInvalidArgument, std::move(what)); }

Status ReadObject(std::string_view body, Json& into) {
  if (wire::TooDeep(body)) return Wrong("The body is nested too deeply.");
  into = Json::parse(body, nullptr, false);
  if (!into.is_object()) return Wrong("The body is not a JSON object.");
  return {};
}

std::string TextOf(const Json& object, const char* name) {
  const auto entry = object.find(name);
  return entry != object.end() && entry->is_string() ? entry->get<std::string>() : std::string();
}

}  // namespace

Result<SecretRequest> ParseSecretRequest(std::string_view body, int64_t default_seconds) {
  Json json;
  PARLEY_TRY_STATUS(ReadObject(body.empty() ? "{}" : body, json));
  SecretRequest request{.seconds = default_seconds};
  if (const auto after = json.find("expires_after"); after != json.end() && after->is_object()) {
    const auto wanted = after->find("seconds");
    if (wanted != after->end() && wanted->is_number()) {
      request.seconds = static_cast<int64_t>(std::clamp(wanted->get<double>(), 10.0, 7200.0));
    }
  }
  if (const auto session = json.find("session"); session != json.end() && session->is_object()) {
    auto read = wire::DecodeSession(session->dump(-1, ' ', false, Json::error_handler_t::replace));
    if (const auto* error = std::get_if<wire::ErrorBody>(&read)) return Wrong(error->message);
    request.session = std::get<wire::Session>(std::move(read));
  }
  return request;
}

Result<SpeechRequest> ParseSpeechRequest(std::string_view body,
                                         const std::vector<std::string>& voices) {
  Json json;
  PARLEY_TRY_STATUS(ReadObject(body, json));
  SpeechRequest request{.input = TextOf(json, "input")};
  if (request.input.empty()) return Wrong("input is missing: the text to speak.");
  if (request.input.size() > kLongestInput) {
    return Wrong("input is longer than " + std::to_string(kLongestInput) + " bytes.");
  }
  const std::string format = TextOf(json, "response_format");
  if (!format.empty() && format != "wav" && format != "pcm") {
    return Wrong("response_format is wav or pcm (16 bit, 24000 Hz).");
  }
  request.wav = format != "pcm";
  const std::string name = TextOf(json, "voice");
  const auto voice = VoiceFor(name, voices);
  if (!voice) return Wrong(NoSuchVoice(name, voices));
  request.voice = *voice;
  if (const auto speed = json.find("speed"); speed != json.end() && speed->is_number()) {
    request.speed = std::clamp(speed->get<float>(), 0.5F, 2.0F);
  }
  return request;
}

}  // namespace parley::server

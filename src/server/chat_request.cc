// SPDX-License-Identifier: Apache-2.0
#include "server/chat_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "wire/base64.h"
#include "wire/codec.h"

namespace parley::server {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kOpen = "<think>";
constexpr std::string_view kClose = "</think>";

Error Wrong(const std::string& what) { return Fail(Code::kInvalidArgument, what); }

std::string TextOf(const Json& object, const char* name) {
  const auto entry = object.find(name);
  return entry != object.end() && entry->is_string() ? entry->get<std::string>() : std::string();
}

bool FlagOf(const Json& object, const char* name) {
  const auto entry = object.find(name);
  return entry != object.end() && entry->is_boolean() && entry->get<bool>();
}

// A number within bounds, or nothing; what is no number is an error.
template <class T>
Status TakeNumber(const Json& object, const char* name, double least, double most, T& into) {
  const auto entry = object.find(name);
  if (entry == object.end() || entry->is_null()) return {};
  if (!entry->is_number()) return Wrong(std::string(name) + " is not a number");
  const auto value = entry->get<double>();
  if (!(value >= least && value <= most)) {
    return Wrong(std::string(name) + " is out of range");
  }
  into = static_cast<T>(value);
  return {};
}

Result<ChatPart> SoundPart(const Json& part) {
  const auto sound = part.find("input_audio");
  if (sound == part.end() || !sound->is_object()) {
    return Wrong("a part of type input_audio has no input_audio object");
  }
  std::string data = TextOf(*sound, "data");
  if (data.starts_with("data:")) data.erase(0, std::min(data.find(',') + 1, data.size()));
  auto bytes = wire::DecodeBase64(data);
  if (!bytes || bytes->empty()) return Wrong("input_audio.data is not base64 of a sound file");
  return ChatPart{.sound = *std::move(bytes)};
}

Result<std::vector<ChatPart>> PartsOf(const Json& content) {
  std::vector<ChatPart> parts;
  if (content.is_null()) return parts;
  if (content.is_string()) {
    parts.push_back({content.get<std::string>(), ""});
    return parts;
  }
  if (!content.is_array()) return Wrong("content is neither text nor a list of parts");
  for (const Json& part : content) {
    if (!part.is_object()) return Wrong("a part of content is not an object");
    const std::string type = TextOf(part, "type");
    if (type == "text" || type == "input_text") {
      parts.push_back({TextOf(part, "text"), ""});
    } else if (type == "input_audio") {
      PARLEY_TRY(ChatPart sound, SoundPart(part));
      parts.push_back(std::move(sound));
    } else {
      return Wrong("parts of type '" + type.substr(0, 40) +
                   "' are not supported: use text or input_audio");
    }
  }
  return parts;
}

// How much of the end of `text` could be the beginning of `tag`.
size_t Possible(std::string_view text, std::string_view tag) {
  for (size_t n = std::min(text.size(), tag.size() - 1); n > 0; --n) {
    if (text.substr(text.size() - n) == tag.substr(0, n)) return n;
  }
  return 0;
}

}  // namespace

std::string ChatMessage::Text() const {
  std::string text;
  for (const ChatPart& part : parts) {
    if (!text.empty() && !part.text.empty()) text += '\n';
    text += part.text;
  }
  return text;
}

Result<ChatRequest> ParseChatRequest(std::string_view body, int32_t vocabulary) {
  if (wire::TooDeep(body)) return Wrong("the body is nested too deeply");
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return Wrong("the body is not a JSON object");
  const auto messages = json.find("messages");
  if (messages == json.end() || !messages->is_array() || messages->empty()) {
    return Wrong("messages is missing or empty");
  }
  ChatRequest request;
  for (const Json& message : *messages) {
    if (!message.is_object()) return Wrong("a message is not an object");
    std::string role = TextOf(message, "role");
    if (role == "human") role = "user";
    if (role == "developer") role = "system";
    if (role != "system" && role != "user" && role != "assistant" && role != "tool") {
      return Wrong("role '" + role.substr(0, 40) + "' is not supported");
    }
    const auto content = message.find("content");
    PARLEY_TRY(auto parts, PartsOf(content == message.end() ? Json() : *content));
    request.messages.push_back({std::move(role), std::move(parts)});
  }
  request.stream = FlagOf(json, "stream");
  request.include_reasoning = FlagOf(json, "include_reasoning");
  request.continue_final = FlagOf(json, "continue_final_message");
  if (request.continue_final && request.messages.back().role != "assistant") {
    return Wrong("continue_final_message needs an assistant's message at the end");
  }
  if (const auto options = json.find("stream_options");
      options != json.end() && options->is_object()) {
    request.include_usage = FlagOf(*options, "include_usage");
  }
  int32_t n = 1;
  PARLEY_TRY_STATUS(TakeNumber(json, "n", 1, 1, n));
  engine::GenerateOptions& options = request.options;
  options.max_tokens = 512;
  PARLEY_TRY_STATUS(TakeNumber(json, "max_tokens", 1, 1e9, options.max_tokens));
  PARLEY_TRY_STATUS(TakeNumber(json, "max_completion_tokens", 1, 1e9, options.max_tokens));
  PARLEY_TRY_STATUS(TakeNumber(json, "temperature", 0, 2, options.sampler.temperature));
  PARLEY_TRY_STATUS(TakeNumber(json, "top_p", 0.001, 1, options.sampler.top_p));
  PARLEY_TRY_STATUS(TakeNumber(json, "top_k", -1, 1e6, options.sampler.top_k));
  options.sampler.top_k = std::max(options.sampler.top_k, 0);  // -1 is vLLM's "all"
  PARLEY_TRY_STATUS(
      TakeNumber(json, "repetition_penalty", 0.1, 10, options.sampler.repetition_penalty));
  PARLEY_TRY_STATUS(TakeNumber(json, "seed", 0, 9e15, options.sampler.seed));
  if (const auto stop = json.find("stop"); stop != json.end()) {
    if (stop->is_string()) options.stop_texts.push_back(stop->get<std::string>());
    if (stop->is_array()) {
      for (const Json& text : *stop) {
        if (text.is_string()) options.stop_texts.push_back(text.get<std::string>());
      }
    }
    std::erase(options.stop_texts, "");
  }
  if (const auto stop = json.find("stop_token_ids"); stop != json.end() && stop->is_array()) {
    for (const Json& id : *stop) {
      if (!id.is_number_integer()) continue;
      const auto value = id.get<int64_t>();
      if (value >= 0 && value < vocabulary) options.stop_ids.push_back(static_cast<TokenId>(value));
    }
  }
  return request;
}

ReasoningSplitter::Piece ReasoningSplitter::Push(std::string_view text) {
  Piece piece;
  held_ += text;
  if (!in_thought_ && !begun_) {  // a model that opens its thought itself
    const size_t first = std::min(held_.find_first_not_of(" \n"), held_.size());
    const std::string_view rest = std::string_view(held_).substr(first);
    if (rest.size() < kOpen.size() && kOpen.starts_with(rest)) return piece;
    begun_ = true;
    if (rest.starts_with(kOpen)) {
      in_thought_ = true;
      held_.erase(0, first + kOpen.size());
    }
  }
  if (!in_thought_) {
    piece.content = std::exchange(held_, {});
    return piece;
  }
  const size_t close = held_.find(kClose);
  if (close == std::string::npos) {
    const size_t keep = Possible(held_, kClose);
    piece.reasoning = held_.substr(0, held_.size() - keep);
    held_.erase(0, held_.size() - keep);
    return piece;
  }
  piece.reasoning = held_.substr(0, close);
  piece.content = held_.substr(close + kClose.size());
  held_.clear();
  in_thought_ = false;
  begun_ = true;
  return piece;
}

ReasoningSplitter::Piece ReasoningSplitter::Flush() {
  Piece piece;
  (in_thought_ ? piece.reasoning : piece.content) = std::exchange(held_, {});
  return piece;
}

}  // namespace parley::server

// Items of a conversation, and responses, as the Realtime protocol writes them.
// Thread:   plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wire/json_types.h"
#include "wire/session_object.h"

namespace parley::wire {

// In an item "input_text", "input_audio", "output_text" or "output_audio"; in an event about a part
// of a response "text" or "audio": the protocol's own mismatch.
struct ContentPart {
  std::string type;
  std::optional<std::string> text;
  std::optional<Bytes> audio;
  std::optional<Nullable<std::string>> transcript;

  template <class V>
  void Fields(V&& v) {
    v("type", type, kRequired);
    v("text", text);
    v("audio", audio);
    v("transcript", transcript);
  }
};

struct Item {
  std::optional<std::string> id, object;
  std::string type;  // "message", "function_call", "function_call_output", "item_reference"
  std::optional<std::string> status;  // "in_progress", "completed", "incomplete"
  std::optional<std::string> role;    // of a message: "system", "user", "assistant"
  std::optional<std::vector<ContentPart>> content;
  std::optional<std::string> call_id, name, arguments, output;

  template <class V>
  void Fields(V&& v) {
    v("id", id);
    v("object", object);
    v("type", type, kRequired);
    v("status", status);
    v("role", role);
    v("content", content);
    v("call_id", call_id);
    v("name", name);
    v("arguments", arguments);
    v("output", output);
  }
};

struct CachedTokens {
  int64_t text_tokens = 0, audio_tokens = 0, image_tokens = 0;

  template <class V>
  void Fields(V&& v) {
    v("text_tokens", text_tokens);
    v("audio_tokens", audio_tokens);
    v("image_tokens", image_tokens);
  }
};

struct InputTokens {
  int64_t text_tokens = 0, audio_tokens = 0, image_tokens = 0, cached_tokens = 0;
  CachedTokens cached_tokens_details;

  template <class V>
  void Fields(V&& v) {
    v("text_tokens", text_tokens);
    v("audio_tokens", audio_tokens);
    v("image_tokens", image_tokens);
    v("cached_tokens", cached_tokens);
    v("cached_tokens_details", cached_tokens_details);
  }
};

struct OutputTokens {
  int64_t text_tokens = 0, audio_tokens = 0, reasoning_tokens = 0;

  template <class V>
  void Fields(V&& v) {
    v("text_tokens", text_tokens);
    v("audio_tokens", audio_tokens);
    v("reasoning_tokens", reasoning_tokens);
  }
};

struct Usage {
  int64_t total_tokens = 0, input_tokens = 0, output_tokens = 0;
  InputTokens input_token_details;
  OutputTokens output_token_details;

  template <class V>
  void Fields(V&& v) {
    v("total_tokens", total_tokens);
    v("input_tokens", input_tokens);
    v("output_tokens", output_tokens);
    v("input_token_details", input_token_details);
    v("output_token_details", output_token_details);
  }
};

struct StatusError {
  std::string type = "server_error";
  std::optional<std::string> code, message;

  template <class V>
  void Fields(V&& v) {
    v("type", type);
    v("code", code);
    v("message", message);
  }
};

struct StatusDetails {
  std::string type;                   // "cancelled", "failed", "incomplete"
  std::optional<std::string> reason;  // "turn_detected", "client_cancelled", "max_output_tokens"
  std::optional<StatusError> error;

  template <class V>
  void Fields(V&& v) {
    v("type", type);
    v("reason", reason);
    v("error", error);
  }
};

struct ResponseAudio {
  std::optional<AudioOutput> output;

  template <class V>
  void Fields(V&& v) {
    v("output", output);
  }
};

struct Response {
  std::string id;
  std::string object = "realtime.response";
  std::string status = "in_progress";
  Nullable<StatusDetails> status_details;
  std::vector<Item> output;
  Nullable<std::string> conversation_id;
  std::vector<std::string> output_modalities;
  MaxTokens max_output_tokens;
  std::optional<ResponseAudio> audio;
  Nullable<Usage> usage;
  Nullable<RawJson> metadata;

  template <class V>
  void Fields(V&& v) {
    v("id", id);
    v("object", object);
    v("status", status);
    v("status_details", status_details);
    v("output", output);
    v("conversation_id", conversation_id);
    v("output_modalities", output_modalities);
    v("max_output_tokens", max_output_tokens);
    v("audio", audio);
    v("usage", usage);
    v("metadata", metadata);
  }
};

// What a client may ask of one response; what it leaves out is the session's.
struct ResponseRequest {
  std::optional<std::vector<std::string>> output_modalities;
  std::optional<std::string> instructions;
  std::optional<ResponseAudio> audio;
  std::optional<std::vector<FunctionTool>> tools;
  std::optional<RawJson> tool_choice;
  std::optional<Reasoning> reasoning;
  std::optional<MaxTokens> max_output_tokens;
  std::optional<RawJson> metadata;
  std::optional<std::string> conversation;  // "auto", or "none": beside the conversation
  std::optional<std::vector<Item>> input;

  template <class V>
  void Fields(V&& v) {
    v("output_modalities", output_modalities);
    v("instructions", instructions);
    v("audio", audio);
    v("tools", tools);
    v("tool_choice", tool_choice);
    v("reasoning", reasoning);
    v("max_output_tokens", max_output_tokens);
    v("metadata", metadata);
    v("conversation", conversation);
    v("input", input);
  }
};

struct ErrorBody {
  std::string type = "invalid_request_error";
  std::string code;
  std::string message;
  Nullable<std::string> param;
  Nullable<std::string> event_id;  // of the client's event that caused it

  template <class V>
  void Fields(V&& v) {
    v("type", type);
    v("code", code);
    v("message", message);
    v("param", param);
    v("event_id", event_id);
  }
};

}  // namespace parley::wire

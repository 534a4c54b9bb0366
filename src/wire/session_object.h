// The session of the Realtime protocol. One struct for both directions: a client's update has only
// what it wants to change, the server's echo has everything that is in force.
// Thread:   plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/json_types.h"

namespace parley::wire {

// "audio/pcm" (16 bit, little endian, mono), "audio/pcmu", "audio/pcma", and, for clients that ask
// for it, "audio/opus": one raw packet of 20 ms in every message. The old names "pcm16",
// "g711_ulaw" and "g711_alaw", written as plain strings, are understood.
struct AudioFormat {
  std::string type = "audio/pcm";
  std::optional<int64_t> rate;
  bool operator==(const AudioFormat&) const = default;

  bool FromText(std::string_view name);  // false: no name of a format
  template <class V>
  void Fields(V&& v) {
    v("type", type);
    v("rate", rate);
  }
};

struct TurnDetection {
  std::string type = "server_vad";  // or "semantic_vad"
  std::optional<double> threshold;
  std::optional<int64_t> prefix_padding_ms, silence_duration_ms;
  std::optional<Nullable<int64_t>> idle_timeout_ms;
  std::optional<std::string> eagerness;  // "low", "medium", "high", "auto"
  std::optional<bool> create_response, interrupt_response;

  template <class V>
  void Fields(V&& v) {
    v("type", type);
    v("threshold", threshold);
    v("prefix_padding_ms", prefix_padding_ms);
    v("silence_duration_ms", silence_duration_ms);
    v("idle_timeout_ms", idle_timeout_ms);
    v("eagerness", eagerness);
    v("create_response", create_response);
    v("interrupt_response", interrupt_response);
  }
};

struct Transcription {
  std::optional<std::string> model, language, prompt;

  template <class V>
  void Fields(V&& v) {
    v("model", model);
    v("language", language);
    v("prompt", prompt);
  }
};

struct AudioInput {
  std::optional<AudioFormat> format;
  std::optional<Nullable<RawJson>> noise_reduction;
  std::optional<Nullable<Transcription>> transcription;
  std::optional<Nullable<TurnDetection>> turn_detection;

  template <class V>
  void Fields(V&& v) {
    v("format", format);
    v("noise_reduction", noise_reduction);
    v("transcription", transcription);
    v("turn_detection", turn_detection);
  }
};

struct AudioOutput {
  std::optional<AudioFormat> format;
  std::optional<VoiceName> voice;
  std::optional<double> speed;

  template <class V>
  void Fields(V&& v) {
    v("format", format);
    v("voice", voice);
    v("speed", speed);
  }
};

struct SessionAudio {
  std::optional<AudioInput> input;
  std::optional<AudioOutput> output;

  template <class V>
  void Fields(V&& v) {
    v("input", input);
    v("output", output);
  }
};

struct FunctionTool {
  std::string type = "function";
  std::string name;
  std::optional<std::string> description;
  std::optional<RawJson> parameters;

  template <class V>
  void Fields(V&& v) {
    v("type", type);
    v("name", name);
    v("description", description);
    v("parameters", parameters);
  }
};

struct Reasoning {
  std::optional<std::string> effort;  // "minimal", "low", "medium", "high"

  template <class V>
  void Fields(V&& v) {
    v("effort", effort);
  }
};

struct Session {
  std::optional<std::string> type, object, id;
  std::optional<int64_t> expires_at;
  std::optional<std::string> model;
  std::optional<std::vector<std::string>> output_modalities;
  std::optional<Nullable<std::string>> instructions;
  std::optional<SessionAudio> audio;
  std::optional<Nullable<std::vector<FunctionTool>>> tools;
  std::optional<RawJson> tool_choice;
  std::optional<Nullable<Reasoning>> reasoning;
  std::optional<MaxTokens> max_output_tokens;
  std::optional<RawJson> truncation;
  std::optional<Nullable<RawJson>> tracing;
  std::optional<Nullable<std::vector<std::string>>> include;
  std::optional<Nullable<RawJson>> prompt;

  template <class V>
  void Fields(V&& v) {
    v("type", type);
    v("object", object);
    v("id", id);
    v("expires_at", expires_at);
    v("model", model);
    v("output_modalities", output_modalities);
    v("instructions", instructions);
    v("audio", audio);
    v("tools", tools);
    v("tool_choice", tool_choice);
    v("reasoning", reasoning);
    v("max_output_tokens", max_output_tokens);
    v("truncation", truncation);
    v("tracing", tracing);
    v("include", include);
    v("prompt", prompt);
  }
};

}  // namespace parley::wire

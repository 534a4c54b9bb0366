// What a server says of a response: its items, their parts, sound and text. See server_events.h.
// Thread:   plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wire/items.h"
#include "wire/json_types.h"

namespace parley::wire::server {

struct ResponseCreated {
  static constexpr std::string_view kType = "response.created";
  Response response;

  template <class V>
  void Fields(V&& v) {
    v("response", response);
  }
};

struct ResponseDone {
  static constexpr std::string_view kType = "response.done";
  Response response;

  template <class V>
  void Fields(V&& v) {
    v("response", response);
  }
};

struct OutputItemAdded {
  static constexpr std::string_view kType = "response.output_item.added";
  std::string response_id;
  int64_t output_index = 0;
  Item item;

  template <class V>
  void Fields(V&& v) {
    v("response_id", response_id);
    v("output_index", output_index);
    v("item", item);
  }
};

struct OutputItemDone {
  static constexpr std::string_view kType = "response.output_item.done";
  std::string response_id;
  int64_t output_index = 0;
  Item item;

  template <class V>
  void Fields(V&& v) {
    v("response_id", response_id);
    v("output_index", output_index);
    v("item", item);
  }
};

struct ContentPartAdded {
  static constexpr std::string_view kType = "response.content_part.added";
  std::string response_id, item_id;
  int64_t output_index = 0, content_index = 0;
  ContentPart part;

  template <class V>
  void Fields(V&& v) {
    v("response_id", response_id);
    v("item_id", item_id);
    v("output_index", output_index);
    v("content_index", content_index);
    v("part", part);
  }
};

struct ContentPartDone {
  static constexpr std::string_view kType = "response.content_part.done";
  std::string response_id, item_id;
  int64_t output_index = 0, content_index = 0;
  ContentPart part;

  template <class V>
  void Fields(V&& v) {
    v("response_id", response_id);
    v("item_id", item_id);
    v("output_index", output_index);
    v("content_index", content_index);
    v("part", part);
  }
};

struct OutputAudioDelta {
  static constexpr std::string_view kType = "response.output_audio.delta";
  std::string response_id, item_id;
  int64_t output_index = 0, content_index = 0;
  Bytes delta;

  template <class V>
  void Fields(V&& v) {
    v("response_id", response_id);
    v("item_id", item_id);
    v("output_index", output_index);
    v("content_index", content_index);
    v("delta", delta);
  }
};

struct OutputAudioDone {
  static constexpr std::string_view kType = "response.output_audio.done";
  std::string response_id, item_id;
  int64_t output_index = 0, content_index = 0;

  template <class V>
  void Fields(V&& v) {
    v("response_id", response_id);
    v("item_id", item_id);
    v("output_index", output_index);
    v("content_index", content_index);
  }
};

struct OutputTranscriptDelta {  // start_time: where in the answer it sounds [s]
  static constexpr std::string_view kType = "response.output_audio_transcript.delta";
  std::string response_id, item_id;
  int64_t output_index = 0, content_index = 0;
  std::string delta;
  std::optional<double> start_time;

  template <class V>
  void Fields(V&& v) {
    v("response_id", response_id);
    v("item_id", item_id);
    v("output_index", output_index);
    v("content_index", content_index);
    v("delta", delta);
    v("start_time", start_time);
  }
};

struct OutputTranscriptDone {
  static constexpr std::string_view kType = "response.output_audio_transcript.done";
  std::string response_id, item_id;
  int64_t output_index = 0, content_index = 0;
  std::string transcript;

  template <class V>
  void Fields(V&& v) {
    v("response_id", response_id);
    v("item_id", item_id);
    v("output_index", output_index);
    v("content_index", content_index);
    v("transcript", transcript);
  }
};

struct OutputTextDelta {
  static constexpr std::string_view kType = "response.output_text.delta";
  std::string response_id, item_id;
  int64_t output_index = 0, content_index = 0;
  std::string delta;

  template <class V>
  void Fields(V&& v) {
    v("response_id", response_id);
    v("item_id", item_id);
    v("output_index", output_index);
    v("content_index", content_index);
    v("delta", delta);
  }
};

struct OutputTextDone {
  static constexpr std::string_view kType = "response.output_text.done";
  std::string response_id, item_id;
  int64_t output_index = 0, content_index = 0;
  std::string text;

  template <class V>
  void Fields(V&& v) {
    v("response_id", response_id);
    v("item_id", item_id);
    v("output_index", output_index);
    v("content_index", content_index);
    v("text", text);
  }
};

struct ArgumentsDelta {
  static constexpr std::string_view kType = "response.function_call_arguments.delta";
  std::string response_id, item_id;
  int64_t output_index = 0;
  std::string call_id, delta;

  template <class V>
  void Fields(V&& v) {
    v("response_id", response_id);
    v("item_id", item_id);
    v("output_index", output_index);
    v("call_id", call_id);
    v("delta", delta);
  }
};

struct ArgumentsDone {
  static constexpr std::string_view kType = "response.function_call_arguments.done";
  std::string response_id, item_id;
  int64_t output_index = 0;
  std::string call_id, name, arguments;

  template <class V>
  void Fields(V&& v) {
    v("response_id", response_id);
    v("item_id", item_id);
    v("output_index", output_index);
    v("call_id", call_id);
    v("name", name);
    v("arguments", arguments);
  }
};

}  // namespace parley::wire::server

// What a server says only to clients that asked for it: thought, the marks of a timeline, that it will
// go away. Others may die of a type they do not know. See server_events.h.
// Thread:   plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace parley::wire::server {

struct ReasoningDelta {
  static constexpr std::string_view kType = "response.reasoning_text.delta";
  std::string response_id, item_id;
  int64_t content_index = 0;
  std::string delta;
  std::optional<int64_t> audio_offset_ms;

  template <class V>
  void Fields(V&& v) {
    v("response_id", response_id);
    v("item_id", item_id);
    v("content_index", content_index);
    v("delta", delta);
    v("audio_offset_ms", audio_offset_ms);
  }
};

struct ReasoningDone {
  static constexpr std::string_view kType = "response.reasoning_text.done";
  std::string response_id, item_id;
  int64_t content_index = 0;
  std::string text;

  template <class V>
  void Fields(V&& v) {
    v("response_id", response_id);
    v("item_id", item_id);
    v("content_index", content_index);
    v("text", text);
  }
};

struct ThoughtDelta {  // while the user speaks: no response exists yet
  static constexpr std::string_view kType = "x_parley.thought.delta";
  std::string item_id, when_spoken;
  int64_t audio_ms = 0;
  std::string delta;

  template <class V>
  void Fields(V&& v) {
    v("item_id", item_id);
    v("while", when_spoken);
    v("audio_ms", audio_ms);
    v("delta", delta);
  }
};

struct ThoughtDone {
  static constexpr std::string_view kType = "x_parley.thought.done";
  std::string item_id, text;

  template <class V>
  void Fields(V&& v) {
    v("item_id", item_id);
    v("text", text);
  }
};

struct Mark {  // a moment for a timeline, on the clock of the input sound
  static constexpr std::string_view kType = "x_parley.mark";
  std::string name;
  int64_t audio_ms = 0;
  std::optional<std::string> item_id, response_id;

  template <class V>
  void Fields(V&& v) {
    v("name", name);
    v("audio_ms", audio_ms);
    v("item_id", item_id);
    v("response_id", response_id);
  }
};

struct Draining {
  static constexpr std::string_view kType = "x_parley.session.draining";
  int64_t deadline_ms = 0;

  template <class V>
  void Fields(V&& v) {
    v("deadline_ms", deadline_ms);
  }
};

}  // namespace parley::wire::server

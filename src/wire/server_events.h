// What a server says, in the names of the generally available Realtime protocol. Each event lists its
// fields once; writing and reading (codec.h) walk that list. A client that does not know a type may
// die of it, so the last ones are sent only to clients that asked for them.
// Thread:   plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "wire/items.h"
#include "wire/json_types.h"
#include "wire/session_object.h"

namespace parley::wire {

namespace server {

struct DurationUsage {
  std::string type = "duration";
  double seconds = 0;

  template <class V>
  void Fields(V&& v) {
    v("type", type);
    v("seconds", seconds);
  }
};

struct SessionCreated {
  static constexpr std::string_view kType = "session.created";
  Session session;

  template <class V>
  void Fields(V&& v) {
    v("session", session);
  }
};

struct SessionUpdated {
  static constexpr std::string_view kType = "session.updated";
  Session session;

  template <class V>
  void Fields(V&& v) {
    v("session", session);
  }
};

struct ItemAdded {
  static constexpr std::string_view kType = "conversation.item.added";
  Nullable<std::string> previous_item_id;
  Item item;

  template <class V>
  void Fields(V&& v) {
    v("previous_item_id", previous_item_id);
    v("item", item);
  }
};

struct ItemDone {
  static constexpr std::string_view kType = "conversation.item.done";
  Nullable<std::string> previous_item_id;
  Item item;

  template <class V>
  void Fields(V&& v) {
    v("previous_item_id", previous_item_id);
    v("item", item);
  }
};

struct ItemRetrieved {
  static constexpr std::string_view kType = "conversation.item.retrieved";
  Item item;

  template <class V>
  void Fields(V&& v) {
    v("item", item);
  }
};

struct ItemDeleted {
  static constexpr std::string_view kType = "conversation.item.deleted";
  std::string item_id;

  template <class V>
  void Fields(V&& v) {
    v("item_id", item_id);
  }
};

struct ItemTruncated {
  static constexpr std::string_view kType = "conversation.item.truncated";
  std::string item_id;
  int64_t content_index = 0, audio_end_ms = 0;

  template <class V>
  void Fields(V&& v) {
    v("item_id", item_id);
    v("content_index", content_index);
    v("audio_end_ms", audio_end_ms);
  }
};

struct TranscriptionDelta {  // of the user's speech
  static constexpr std::string_view kType = "conversation.item.input_audio_transcription.delta";
  std::string item_id;
  int64_t content_index = 0;
  std::string delta;

  template <class V>
  void Fields(V&& v) {
    v("item_id", item_id);
    v("content_index", content_index);
    v("delta", delta);
  }
};

struct TranscriptionCompleted {
  static constexpr std::string_view kType = "conversation.item.input_audio_transcription.completed";
  std::string item_id;
  int64_t content_index = 0;
  std::string transcript;
  DurationUsage usage;

  template <class V>
  void Fields(V&& v) {
    v("item_id", item_id);
    v("content_index", content_index);
    v("transcript", transcript);
    v("usage", usage);
  }
};

struct TranscriptionFailed {
  static constexpr std::string_view kType = "conversation.item.input_audio_transcription.failed";
  std::string item_id;
  int64_t content_index = 0;
  ErrorBody error;

  template <class V>
  void Fields(V&& v) {
    v("item_id", item_id);
    v("content_index", content_index);
    v("error", error);
  }
};

struct SpeechStarted {
  static constexpr std::string_view kType = "input_audio_buffer.speech_started";
  int64_t audio_start_ms = 0;
  std::string item_id;

  template <class V>
  void Fields(V&& v) {
    v("audio_start_ms", audio_start_ms);
    v("item_id", item_id);
  }
};

struct SpeechStopped {
  static constexpr std::string_view kType = "input_audio_buffer.speech_stopped";
  int64_t audio_end_ms = 0;
  std::string item_id;

  template <class V>
  void Fields(V&& v) {
    v("audio_end_ms", audio_end_ms);
    v("item_id", item_id);
  }
};

struct InputAudioCommitted {
  static constexpr std::string_view kType = "input_audio_buffer.committed";
  std::string item_id;
  Nullable<std::string> previous_item_id;

  template <class V>
  void Fields(V&& v) {
    v("item_id", item_id);
    v("previous_item_id", previous_item_id);
  }
};

struct InputAudioCleared {
  static constexpr std::string_view kType = "input_audio_buffer.cleared";

  template <class V>
  void Fields(V&&) {}
};

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

struct ErrorEvent {
  static constexpr std::string_view kType = "error";
  ErrorBody error;

  template <class V>
  void Fields(V&& v) {
    v("error", error);
  }
};

struct ReasoningDelta {  // only for clients that asked for it, as all that follow
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

using Event =
    std::variant<SessionCreated, SessionUpdated, ItemAdded, ItemDone, ItemRetrieved, ItemDeleted,
                 ItemTruncated, TranscriptionDelta, TranscriptionCompleted, TranscriptionFailed,
                 SpeechStarted, SpeechStopped, InputAudioCommitted, InputAudioCleared,
                 ResponseCreated, ResponseDone, OutputItemAdded, OutputItemDone, ContentPartAdded,
                 ContentPartDone, OutputAudioDelta, OutputAudioDone, OutputTranscriptDelta,
                 OutputTranscriptDone, OutputTextDelta, OutputTextDone, ArgumentsDelta,
                 ArgumentsDone, ErrorEvent, ReasoningDelta, ReasoningDone, ThoughtDelta,
                 ThoughtDone, Mark, Draining>;

}  // namespace server

using ServerEvent = server::Event;

}  // namespace parley::wire

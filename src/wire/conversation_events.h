// What a server says of the session, its items, and the sound that comes in. See server_events.h.
// Thread:   plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "wire/items.h"
#include "wire/json_types.h"
#include "wire/session_object.h"

namespace parley::wire::server {

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

}  // namespace parley::wire::server

// What a client says, in the names of the generally available Realtime protocol. Each event lists its
// fields once; reading and writing (codec.h) walk that list.
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

namespace client {

struct SessionUpdate {
  static constexpr std::string_view kType = "session.update";
  Session session;

  template <class V>
  void Fields(V&& v) {
    v("session", session, kRequired);
  }
};

struct InputAudioAppend {
  static constexpr std::string_view kType = "input_audio_buffer.append";
  Bytes audio;

  template <class V>
  void Fields(V&& v) {
    v("audio", audio, kRequired);
  }
};

struct InputAudioCommit {
  static constexpr std::string_view kType = "input_audio_buffer.commit";

  template <class V>
  void Fields(V&&) {}
};

struct InputAudioClear {
  static constexpr std::string_view kType = "input_audio_buffer.clear";

  template <class V>
  void Fields(V&&) {}
};

struct ItemCreate {  // absent: at the end; "root": at the front; else behind that item
  static constexpr std::string_view kType = "conversation.item.create";
  std::optional<std::string> previous_item_id;
  Item item;

  template <class V>
  void Fields(V&& v) {
    v("previous_item_id", previous_item_id);
    v("item", item, kRequired);
  }
};

struct ItemRetrieve {
  static constexpr std::string_view kType = "conversation.item.retrieve";
  std::string item_id;

  template <class V>
  void Fields(V&& v) {
    v("item_id", item_id, kRequired);
  }
};

struct ItemTruncate {
  static constexpr std::string_view kType = "conversation.item.truncate";
  std::string item_id;
  int64_t content_index = 0, audio_end_ms = 0;

  template <class V>
  void Fields(V&& v) {
    v("item_id", item_id, kRequired);
    v("content_index", content_index);
    v("audio_end_ms", audio_end_ms, kRequired);
  }
};

struct ItemDelete {
  static constexpr std::string_view kType = "conversation.item.delete";
  std::string item_id;

  template <class V>
  void Fields(V&& v) {
    v("item_id", item_id, kRequired);
  }
};

struct ResponseCreate {
  static constexpr std::string_view kType = "response.create";
  std::optional<ResponseRequest> response;

  template <class V>
  void Fields(V&& v) {
    v("response", response);
  }
};

struct ResponseCancel {
  static constexpr std::string_view kType = "response.cancel";
  std::optional<std::string> response_id;

  template <class V>
  void Fields(V&& v) {
    v("response_id", response_id);
  }
};

struct OutputAudioClear {  // of WebRTC; taken and ignored
  static constexpr std::string_view kType = "output_audio_buffer.clear";

  template <class V>
  void Fields(V&&) {}
};

struct Playback {  // ours: what the client has played of an item
  static constexpr std::string_view kType = "x_parley.playback";
  std::string item_id;
  int64_t played_ms = 0, queued_ms = 0;

  template <class V>
  void Fields(V&& v) {
    v("item_id", item_id, kRequired);
    v("played_ms", played_ms, kRequired);
    v("queued_ms", queued_ms);
  }
};

using Event = std::variant<SessionUpdate, InputAudioAppend, InputAudioCommit, InputAudioClear,
                           ItemCreate, ItemRetrieve, ItemTruncate, ItemDelete, ResponseCreate,
                           ResponseCancel, OutputAudioClear, Playback>;

}  // namespace client

using ClientEvent = client::Event;

}  // namespace parley::wire

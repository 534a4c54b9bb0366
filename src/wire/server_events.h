// What a server says, in the names of the generally available Realtime protocol. Each event lists its
// fields once; writing and reading (codec.h) walk that list.
// Thread:   plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <variant>

#include "wire/conversation_events.h"
#include "wire/items.h"
#include "wire/private_events.h"
#include "wire/response_events.h"

namespace parley::wire {

namespace server {

struct ErrorEvent {
  static constexpr std::string_view kType = "error";
  ErrorBody error;

  template <class V>
  void Fields(V&& v) {
    v("error", error);
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

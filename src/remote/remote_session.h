// A talk on another server: the session interface over the Realtime protocol, ours or anybody's.
// What a server does not tell is left out: without reasoning there is no Thought, without its own
// turn detector's figures TurnEnded says "server".
//
//   PushSound ─▶ input_audio_buffer.append          speech_started ─▶ BargedIn, SpeechStarted
//   Played    ─▶ kept: what is heard at an           …delta        ─▶ Heard, Say, AudioOut, Thought
//                interruption is truncated there     response.done ─▶ AnswerSent, TurnDone
//
// Thread:   calls may come from any thread; events come on the connection's own, or, when a call
//           causes them (Played, Interrupt), on the caller's, never two at a time.
// Memory:   the text and the times of one answer; the connection's outbox.
// Overload: sound that the server does not take in time ends the connection: Failed.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "common/result.h"
#include "realtime/session.h"

namespace parley::remote {

struct RemoteOptions {
  std::string url;  // ws://127.0.0.1:8080/v1/realtime, with ?model=… if the server wants it
  std::string key;  // bearer; empty: none
  bool any_certificate = false;
  bool push_to_talk = false;  // turns end with CommitTurn only
};

// Connected, and set up for sound in and out. kPeer: no server there, or it refuses us.
Result<std::unique_ptr<realtime::Session>> OpenRemoteSession(const RemoteOptions& options,
                                                             realtime::EventSink sink);

}  // namespace parley::remote

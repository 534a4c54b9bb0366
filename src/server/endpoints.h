// The HTTP endpoints that take their time: text for text, sound for text.
// Thread:   called on the strand they are given; they answer there, later.
// Memory:   one request.
// Overload: the engine's and the voice's: 503 when they have no room.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "realtime/executor.h"
#include "server/talks.h"
#include "wire/ws.h"

namespace parley::server {

// POST /v1/chat/completions, as OpenAI's clients and Step-Audio-R1's own ask.
void CompleteChat(Talks& talks, const std::shared_ptr<realtime::Executor>& strand,
                  const wire::Request& request, const std::shared_ptr<wire::Reply>& reply);

// POST /v1/audio/speech: WAV, or PCM16 of 24 kHz, while it is being made.
void SpeakText(Talks& talks, const std::shared_ptr<realtime::Executor>& strand,
               const wire::Request& request, const std::shared_ptr<wire::Reply>& reply);

}  // namespace parley::server

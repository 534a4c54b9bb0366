// The bodies of the smaller HTTP endpoints, read into plain values. (Chat completions: chat_request.h.)
// Thread:   plain values, pure functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "wire/session_object.h"

namespace parley::server {

struct SecretRequest {  // POST /v1/realtime/client_secrets
  int64_t seconds = 0;  // how long it is good
  wire::Session session;
};
// An empty body asks for the defaults. kInvalidArgument: it is no JSON object.
Result<SecretRequest> ParseSecretRequest(std::string_view body, int64_t default_seconds);

struct SpeechRequest {  // POST /v1/audio/speech
  std::string input;
  std::string voice;  // one of ours
  bool wav = true;    // else bare PCM
  float speed = 1;
};
// kInvalidArgument says which field is wrong.
Result<SpeechRequest> ParseSpeechRequest(std::string_view body,
                                         const std::vector<std::string>& voices);

}  // namespace parley::server

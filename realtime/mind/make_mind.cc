// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/make_mind.h"

#include <utility>

#include "realtime/mind/plain_mind.h"

namespace parley::realtime {

Result<std::unique_ptr<Mind>> MakeMind(const MindConfig& config, MindParts parts) {
  if (config.style != ThinkingStyle::kNone) {
    return Fail(
        Code::kUnsupported,
        "mind.style: only `none` is built so far; a model that thinks cannot be driven yet");
  }
  return std::unique_ptr<Mind>(std::make_unique<PlainMind>(config, std::move(parts)));
}

int32_t RoomToAnswer(const MindConfig& config) { return config.answer_tokens; }

}  // namespace parley::realtime

// The mind that a model needs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "common/result.h"
#include "model/tokenizer.h"
#include "realtime/history/trunk.h"
#include "realtime/mind/mind.h"
#include "realtime/mind/mind_config.h"
#include "realtime/mind/prompt_pieces.h"

namespace parley::realtime {

struct MindParts {
  std::shared_ptr<const model::Tokenizer> tokenizer;
  PromptPieces prompt;
  const Trunk* trunk = nullptr;  // what it thinks over; read only, outlives the mind
};

// kUnsupported for a style that is not built yet.
Result<std::unique_ptr<Mind>> MakeMind(const MindConfig& config, MindParts parts);

// Tokens of thought and answer that must fit behind every prompt.
int32_t RoomToAnswer(const MindConfig& config);

}  // namespace parley::realtime

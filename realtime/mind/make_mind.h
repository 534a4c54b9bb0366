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
#include "realtime/mind/style.h"

namespace parley::realtime {

struct MindParts {
  std::shared_ptr<const model::Tokenizer> tokenizer;
  PromptPieces prompt;
  Style style;                   // the model's own
  const Trunk* trunk = nullptr;  // what it thinks over; read only, outlives the mind
  int32_t max_tokens = 0;        // that the trunk may hold
  bool hears_frames = false;     // rows of sound stand on the trunk where words would
};

// The style that `config` asks for of a model that has `own`.
ThinkingStyle ResolveStyle(const MindConfig& config, const Style& own);

// kUnsupported: the model was not trained for the style that the config asks for.
Result<std::unique_ptr<Mind>> MakeMind(const MindConfig& config, MindParts parts);

// Tokens of thought and answer that must fit behind every prompt.
int32_t RoomToAnswer(const MindConfig& config, const Style& own);

}  // namespace parley::realtime

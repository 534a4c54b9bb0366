// Prompt lookup: text that repeats itself is guessed from what it already holds, and the guess is checked by the step that
// would have made its first token: as many tokens as were guessed right come of one pass over the weights.
//   strict   a guess stands when it is what would have been drawn: the same tokens as without guessing
//   relaxed  it also stands when it is nearly as likely as the likeliest; for thought that nobody hears
// Thread:   plain functions.
// Memory:   none.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/ids.h"
#include "engine/engine.h"

namespace parley::engine {

// What followed, the last time that `ids` read as they end now (at least two ids, the longest such run, the latest of
// equals): at most `most` ids into `draft`, which must have room for them.
void LookUpDraft(std::span<const TokenId> ids, int32_t most, std::vector<TokenId>& draft);

// Whether a guess may stand for a stream of this urgency though `drawn` was drawn. Only kThinkingListening is thought
// to its last token: every other stream may end in words that are spoken.
bool StandsRelaxed(TokenId guess, TokenId drawn, std::span<const float> logits, float margin,
                   Urgency urgency, const model::SamplerOptions& sampler);

// Since start.
struct DraftStats {
  int64_t steps = 0;    // of streams that had a guess
  int64_t guessed = 0;  // tokens
  int64_t stood = 0;    // of them
  int64_t relaxed = 0;  // of those, that were not what was drawn
};

}  // namespace parley::engine

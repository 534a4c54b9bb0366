// SPDX-License-Identifier: Apache-2.0
#include "engine/drafting.h"

#include <algorithm>

namespace parley::engine {
namespace {

constexpr size_t kShortestRun = 2;
constexpr size_t kLongestRun = 8;

}  // namespace

void LookUpDraft(std::span<const TokenId> ids, int32_t most, std::vector<TokenId>& draft) {
  draft.clear();
  size_t longest = kShortestRun - 1;
  size_t source = 0;  // what followed the best run
  for (size_t end = ids.size() - std::min<size_t>(ids.size(), 1); end >= kShortestRun; --end) {
    size_t run = 0;
    while (run < std::min(kLongestRun, end) && ids[end - 1 - run] == ids[ids.size() - 1 - run] &&
           ids[end - 1 - run] >= 0) {
      ++run;
    }
    if (run <= longest) continue;
    longest = run;
    source = end;
    if (run == kLongestRun) break;
  }
  if (source == 0) return;
  for (size_t i = source; i < ids.size() && static_cast<int32_t>(draft.size()) < most; ++i) {
    if (ids[i] < 0) return;  // a row of sound cannot be guessed
    draft.push_back(ids[i]);
  }
}

bool StandsRelaxed(TokenId guess, TokenId drawn, std::span<const float> logits, float margin,
                   Urgency urgency, const model::SamplerOptions& sampler) {
  if (margin <= 0.0F || urgency != Urgency::kThinkingListening) return false;
  if (std::ranges::count(sampler.banned, guess) > 0) return false;
  if (sampler.vocabulary_limit > 0 && guess >= sampler.vocabulary_limit) return false;
  return logits[static_cast<size_t>(guess)] >= logits[static_cast<size_t>(drawn)] - margin;
}

}  // namespace parley::engine

// The next token from logits: greedy, temperature, top-k, top-p, repetition penalty, banned ids; seeded.
// Thread:   one Sampler per stream.
// Memory:   scratch is allocated once, for the vocabulary.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/ids.h"

namespace parley::model {

struct SamplerOptions {
  float temperature = 0.0F;         // 0: greedy, ties by lower id
  int32_t top_k = 0;                // 0: off
  float top_p = 1.0F;               // 1: off
  float repetition_penalty = 1.0F;  // over the ids of `history`; 1: off
  uint64_t seed = 0;
  int32_t vocabulary_limit = 0;  // ids at or above are masked; 0: none
  std::vector<TokenId> banned{};
};

class Sampler {
 public:
  explicit Sampler(const SamplerOptions& options);
  TokenId Sample(std::span<const float> logits, std::span<const TokenId> history);

 private:
  SamplerOptions options_;
  uint64_t state_;
  std::vector<float> scores_;
  std::vector<int32_t> order_;
};

}  // namespace parley::model

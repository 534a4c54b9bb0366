// The next token from logits: greedy, temperature, top-k, top-p, repetition penalty, banned ids; seeded.
// In this order: penalty, bans, temperature, top-k (exactly k, ties by lower id), softmax, top-p (the fewest most
// likely ids whose probabilities reach top_p; at least one), draw. NaN counts as −inf; +inf wins outright.
// Thread:   one Sampler per stream.
// Memory:   scratch is allocated once, for the vocabulary.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/ids.h"
#include "kernels/backend.h"

namespace parley::model {

struct SamplerOptions {
  float temperature = 0.0F;  // 0: greedy, ties by lower id
  int32_t top_k = 0;         // 0: off
  float top_p = 1.0F;        // 1: off
  // Over the ids of `history`, each once, however often it stands there: a positive logit is divided by the penalty,
  // a negative one multiplied (as in Hugging Face transformers). 1: off
  float repetition_penalty = 1.0F;
  uint64_t seed = 0;
  int32_t vocabulary_limit = 0;  // ids at or above are masked; 0: none
  std::vector<TokenId> banned = {};
};

class Sampler {
 public:
  explicit Sampler(const SamplerOptions& options);
  // Never an id that is banned or masked. When every allowed logit is −inf or NaN: the lowest allowed id.
  TokenId Sample(std::span<const float> logits, std::span<const TokenId> history);
  // The same draw as a device is asked for it; borrows `history` and this sampler's lists.
  kernels::TokenRequest Request(std::span<const TokenId> history);

 private:
  void Score(std::span<const float> logits, std::span<const TokenId> history);
  TokenId Best() const;
  void KeepTopK();
  double KeepTopP(double total);  // returns the mass that is kept
  double Uniform();               // [0, 1)

  SamplerOptions options_;
  uint64_t state_;
  std::vector<float> scores_;   // [vocabulary], logits and then weights
  std::vector<int32_t> order_;  // candidates
};

}  // namespace parley::model

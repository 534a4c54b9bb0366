// SPDX-License-Identifier: Apache-2.0
#include "model/sampler.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "common/check.h"

namespace parley::model {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

// Of values without NaN. Sixteen maxima side by side: std::max_element carries its place along, one value at a time,
// and took a tenth of a step of a small model.
float Largest(std::span<const float> values) {
  std::array<float, 16> most;
  most.fill(kNever);
  size_t at = 0;
  for (; at + most.size() <= values.size(); at += most.size()) {
    for (size_t i = 0; i < most.size(); ++i) most[i] = std::max(most[i], values[at + i]);
  }
  for (; at < values.size(); ++at) most[0] = std::max(most[0], values[at]);
  return *std::max_element(most.begin(), most.end());
}

}  // namespace

Sampler::Sampler(const SamplerOptions& options) : options_(options), state_(options.seed) {
  std::sort(options_.banned.begin(), options_.banned.end());
}

TokenId Sampler::Sample(std::span<const float> logits, std::span<const TokenId> history) {
  const auto limit = static_cast<size_t>(std::max(options_.vocabulary_limit, 0));
  Score(limit > 0 && limit < logits.size() ? logits.first(limit) : logits, history);
  const TokenId best = Best();
  const float peak = scores_[static_cast<size_t>(best)];
  if (!(options_.temperature > 0.0F) || std::isinf(peak)) return best;

  order_.resize(scores_.size());
  std::iota(order_.begin(), order_.end(), 0);
  if (options_.top_k > 0 && static_cast<size_t>(options_.top_k) < order_.size()) KeepTopK();
  double total = 0.0;
  for (const int32_t id : order_) {  // scores become weights, the most likely one 1
    float& score = scores_[static_cast<size_t>(id)];
    score = std::exp((score - peak) / options_.temperature);
    total += score;
  }
  if (options_.top_p < 1.0F) total = KeepTopP(total);
  double left = Uniform() * total;
  TokenId last = best;
  for (const int32_t id : order_) {
    const float weight = scores_[static_cast<size_t>(id)];
    if (weight <= 0.0F) continue;
    last = id;
    left -= weight;
    if (left < 0.0) break;
  }
  return last;  // the last possible one when rounding left a crumb
}

kernels::TokenRequest Sampler::Request(std::span<const TokenId> history) {
  return {.temperature = options_.temperature,
          .top_k = options_.top_k,
          .top_p = options_.top_p,
          .repetition_penalty = options_.repetition_penalty,
          .limit = options_.vocabulary_limit,
          .uniform = options_.temperature > 0.0F ? Uniform() : 0.0,
          .history = history,
          .banned = options_.banned};
}

void Sampler::Score(std::span<const float> logits, std::span<const TokenId> history) {
  scores_.assign(logits.begin(), logits.end());
  const auto inside = [&](TokenId id) {
    return id >= 0 && static_cast<size_t>(id) < scores_.size();
  };
  if (options_.repetition_penalty != 1.0F) {
    for (const TokenId id : history) {
      if (!inside(id)) continue;
      const float logit =
          logits[static_cast<size_t>(id)];  // the original: a second visit changes nothing
      scores_[static_cast<size_t>(id)] =
          logit < 0.0F ? logit * options_.repetition_penalty : logit / options_.repetition_penalty;
    }
  }
  for (const TokenId id : options_.banned) {
    if (inside(id)) scores_[static_cast<size_t>(id)] = kNever;
  }
  for (float& score : scores_) {
    if (std::isnan(score)) score = kNever;
  }
}

TokenId Sampler::Best() const {
  PARLEY_CHECK(!scores_.empty(), "no logits to sample from");
  const float largest = Largest(scores_);
  if (largest != kNever) {  // the lowest id that has it
    return static_cast<TokenId>(std::find(scores_.begin(), scores_.end(), largest) -
                                scores_.begin());
  }
  for (size_t id = 0; id < scores_.size(); ++id) {
    if (!std::binary_search(options_.banned.begin(), options_.banned.end(),
                            static_cast<TokenId>(id))) {
      return static_cast<TokenId>(id);
    }
  }
  PARLEY_CHECK(false, "every id of the vocabulary is banned");
  return 0;
}

void Sampler::KeepTopK() {
  const auto more_likely = [this](int32_t a, int32_t b) {
    const float x = scores_[static_cast<size_t>(a)];
    const float y = scores_[static_cast<size_t>(b)];
    return x > y || (x == y && a < b);
  };
  std::nth_element(order_.begin(), order_.begin() + options_.top_k, order_.end(), more_likely);
  order_.resize(static_cast<size_t>(options_.top_k));
  std::sort(order_.begin(),
            order_.end());  // nth_element's order is not the same everywhere; a seed's draw must be
}

double Sampler::KeepTopP(double total) {
  // Ids lighter than this weigh less than 1 - top_p together, so none of them is kept; the few others are sorted.
  const double wanted = std::max(0.0, static_cast<double>(options_.top_p)) * total;
  const double floor = (total - wanted) / static_cast<double>(order_.size());
  std::erase_if(order_, [&](int32_t id) { return scores_[static_cast<size_t>(id)] < floor; });
  std::sort(order_.begin(), order_.end(), [this](int32_t a, int32_t b) {
    const float x = scores_[static_cast<size_t>(a)];
    const float y = scores_[static_cast<size_t>(b)];
    return x > y || (x == y && a < b);
  });
  double kept = 0.0;
  size_t count = 0;
  while (count < order_.size() && (count == 0 || kept < wanted)) {
    kept += scores_[static_cast<size_t>(order_[count++])];
  }
  order_.resize(count);
  return kept;
}

double Sampler::Uniform() {  // splitmix64
  uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return static_cast<double>((z ^ (z >> 31U)) >> 11U) * 0x1p-53;
}

}  // namespace parley::model

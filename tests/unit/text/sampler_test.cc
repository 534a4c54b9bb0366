// SPDX-License-Identifier: Apache-2.0
#include "model/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>

namespace parley::model {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TokenId SampleOnce(const SamplerOptions& options, std::vector<float> logits,
                   std::vector<TokenId> history = {}) {
  return Sampler(options).Sample(logits, history);
}

// What the options mean, by enumeration: an independent, slow statement of it.
std::vector<double> Exact(const SamplerOptions& o, const std::vector<float>& logits) {
  std::vector<size_t> order(logits.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return logits[a] > logits[b]; });
  if (o.top_k > 0) order.resize(std::min(order.size(), static_cast<size_t>(o.top_k)));
  std::vector<double> p(logits.size(), 0.0);
  double total = 0;
  for (const size_t id : order)
    total += p[id] = std::exp(static_cast<double>(logits[id]) / static_cast<double>(o.temperature));
  double kept = 0;
  for (const size_t id : order) {
    p[id] = kept < static_cast<double>(o.top_p) * total ? p[id] : 0.0;
    kept += p[id];
  }
  for (double& v : p) v /= kept;
  return p;
}

TEST(Sampler, GreedyTakesTheLowestIdOfTies) {
  EXPECT_EQ(SampleOnce({}, {1, 3, 2, 3}), 1);
  EXPECT_EQ(SampleOnce({}, {0, 0, 0}), 0);
  EXPECT_EQ(SampleOnce({.banned = {1}}, {1, 3, 2, 3}), 3);
  EXPECT_EQ(SampleOnce({.vocabulary_limit = 3}, {1, 2, 0, 9}), 1);
}

TEST(Sampler, SurvivesNanAndInfinity) {
  for (const float temperature : {0.0F, 0.8F}) {
    const SamplerOptions o{
        .temperature = temperature, .top_k = 2, .top_p = 0.9F, .repetition_penalty = 1.1F};
    EXPECT_EQ(SampleOnce(o, {kNan, -kInf, 2, kNan}), 2);
    EXPECT_EQ(SampleOnce(o, {1, kInf, 2, kInf}), 1);
    EXPECT_EQ(SampleOnce(o, {-kInf, kNan, -kInf}), 0);
    SamplerOptions banned = o;
    banned.banned = {0, 1};
    EXPECT_EQ(SampleOnce(banned, {kInf, kInf, -kInf, kNan}), 2);
    EXPECT_EQ(SampleOnce(o, {-kInf, -kInf, -1e30F}, {2}), 2);
  }
  EXPECT_EQ(SampleOnce({.temperature = 1e-30F}, {1, 2, 1.999F}), 1);
  EXPECT_EQ(SampleOnce({.temperature = 1.0F, .top_p = 0.0F}, {1, 2, 1.999F}), 1);
  EXPECT_EQ(SampleOnce({.temperature = kNan}, {1, 2}), 1);
  EXPECT_EQ(SampleOnce({.temperature = 1.0F, .top_k = 1000}, {-kInf, 5}), 1);
}

// transformers.RepetitionPenaltyLogitsProcessor: divides positive, multiplies negative scores, once an id.
TEST(Sampler, PenalisesRepetitionOnceAndTowardsLess) {
  const SamplerOptions o{.repetition_penalty = 2.0F};
  EXPECT_EQ(SampleOnce(o, {4, 3, 1}, {0}), 1);               // 4 / 2 < 3
  EXPECT_EQ(SampleOnce(o, {4, 1.5F, 1}, {0, 0, 0, 0}), 0);   // 2 > 1.5 however often
  EXPECT_EQ(SampleOnce(o, {-1, -1.5F, -9}, {0}), 1);         // -1 * 2 < -1.5
  EXPECT_EQ(SampleOnce(o, {4, 3}, {-1, 7, 2000000000}), 0);  // ids of elsewhere
}

TEST(Sampler, DrawsTheExactDistribution) {
  const std::vector<float> logits = {1.2F, -0.7F, 3.1F, 3.1F, 0.0F, 2.4F, -5.0F, 2.9F};
  constexpr int kDraws = 100000;
  for (const SamplerOptions& o :
       {SamplerOptions{.temperature = 1.0F, .seed = 1},
        SamplerOptions{.temperature = 0.6F, .top_k = 3, .seed = 2},
        SamplerOptions{.temperature = 1.3F, .top_p = 0.8F, .seed = 3},
        SamplerOptions{.temperature = 0.9F, .top_k = 5, .top_p = 0.7F, .seed = 4}}) {
    const std::vector<double> p = Exact(o, logits);
    Sampler sampler(o);
    std::vector<int> count(logits.size());
    for (int i = 0; i < kDraws; ++i) ++count[static_cast<size_t>(sampler.Sample(logits, {}))];
    for (size_t id = 0; id < p.size(); ++id) {
      // Five standard deviations of a binomial count; ids with no probability are never drawn.
      const double sigma = std::sqrt(kDraws * p[id] * (1 - p[id]));
      EXPECT_NEAR(count[id], kDraws * p[id], 5 * sigma + 1e-9) << "seed " << o.seed << " id " << id;
    }
  }
}

// The short cut of top-p (dropping the light ids unsorted) against enumeration, over many random shapes of logits.
TEST(Sampler, KeepsTheNucleusThatEnumerationKeeps) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<float> logits(40);
    std::normal_distribution<float> normal(0.0F, 0.1F + static_cast<float>(round) / 40.0F);
    for (float& v : logits) v = normal(random);
    SamplerOptions o{.temperature = 0.7F,
                     .top_p = 0.05F + 0.9F * static_cast<float>(round) / 200.0F,
                     .seed = static_cast<uint64_t>(round)};
    const std::vector<double> p = Exact(o, logits);
    Sampler sampler(o);
    for (int draw = 0; draw < 100; ++draw) {
      const auto id = static_cast<size_t>(sampler.Sample(logits, {}));
      ASSERT_GT(p[id], 0.0) << "round " << round << " id " << id;
    }
  }
}

TEST(Sampler, RepeatsItselfForASeed) {
  const std::vector<float> logits = {1, 1.1F, 0.9F, 1.05F};
  Sampler a({.temperature = 1.0F, .seed = 42});
  Sampler b({.temperature = 1.0F, .seed = 42});
  Sampler c({.temperature = 1.0F, .seed = 43});
  std::vector<TokenId> from_a, from_b, from_c;
  for (int i = 0; i < 64; ++i) {
    from_a.push_back(a.Sample(logits, {}));
    from_b.push_back(b.Sample(logits, {}));
    from_c.push_back(c.Sample(logits, {}));
  }
  EXPECT_EQ(from_a, from_b);
  EXPECT_NE(from_a, from_c);
}

}  // namespace
}  // namespace parley::model

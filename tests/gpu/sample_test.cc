// Tokens drawn on the GPU against the host's sampler: the same id wherever the draw is not at the very edge between two
// candidates, over every combination of options, and the special values.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <map>

#include "gpu/gpu_bed.h"
#include "model/sampler.h"

namespace parley::kernels {
namespace {

class GpuSample : public Gpu {
 protected:
  int32_t Draw(const std::vector<float>& logits, const TokenRequest& request) {
    const TensorView view = gpu_.Make(1, static_cast<int32_t>(logits.size()), logits);
    int32_t id = -1;
    gpu_.be->Sample(view, {&request, 1}, {&id, 1});
    return id;
  }
};

std::vector<float> Logits(size_t n, uint64_t seed, float scale) {
  std::vector<float> v = testing::Noise(seed).Values(n);
  for (float& x : v) x = scale * x * x * x;  // a few stand out
  return v;
}

TEST_F(GpuSample, DrawsWhatTheHostDraws) {
  const std::vector<TokenId> history = {5, 9, 5, 70, 200, -1};
  int differ = 0;
  int drawn = 0;
  for (const size_t n : {size_t{17}, size_t{1000}, size_t{158720}}) {
    for (const float temperature : {0.0F, 0.3F, 1.0F}) {
      for (const int32_t top_k : {0, 1, 3, 40}) {
        for (const float top_p : {1.0F, 0.9F, 0.2F, 0.0F}) {
          for (const float penalty : {1.0F, 1.3F}) {
            const uint64_t seed = static_cast<uint64_t>(++drawn);
            const model::SamplerOptions options{.temperature = temperature,
                                                .top_k = top_k,
                                                .top_p = top_p,
                                                .repetition_penalty = penalty,
                                                .seed = seed,
                                                .vocabulary_limit = static_cast<int32_t>(n) - 3,
                                                .banned = {2, 3, 11}};
            const auto logits = Logits(n, seed, 12.0F);
            model::Sampler host(options);
            model::Sampler device(options);
            const TokenId expected = host.Sample(logits, history);
            const TokenId found = Draw(logits, device.Request(history));
            differ += found != expected ? 1 : 0;
            EXPECT_LT(found, static_cast<int32_t>(n) - 3);
            EXPECT_TRUE(found != 2 && found != 3 && found != 11);
            if (temperature == 0.0F || top_k == 1) {
              EXPECT_EQ(found, expected) << n << " " << top_p;
            }
          }
        }
      }
    }
  }
  // Weights are rounded to 2^-40 of the largest, and exp is the device's: a draw within 1e-5 of an edge may fall either way.
  EXPECT_LE(differ, 2) << "of " << drawn;
}

TEST_F(GpuSample, TheLikeliestOfManyIsTheFirstOfTheLargest) {
  for (const size_t n : {size_t{1}, size_t{7}, size_t{4099}, size_t{158720}}) {
    for (const size_t limit : {n, n - n / 4}) {
      std::vector<float> logits = Logits(n, n, 2.0F);
      logits[n / 2] = logits[n / 3] = logits[n - 1] =
          2.0F;  // twice, and once where few limits reach
      logits[n / 5] = NAN;
      const TokenRequest request{.limit = static_cast<int32_t>(limit)};
      size_t first = 0;
      for (size_t i = 0; i < limit; ++i) {
        if (logits[i] > logits[first] || std::isnan(logits[first])) first = i;
      }
      EXPECT_EQ(Draw(logits, request), static_cast<int32_t>(first)) << n << " " << limit;
    }
  }
}

TEST_F(GpuSample, TiesNanAndInfinities) {
  EXPECT_EQ(Draw({1.0F, 3.0F, 3.0F, NAN}, {}), 1);
  EXPECT_EQ(Draw({NAN, NAN, -INFINITY}, {}), 0);
  const std::vector<int32_t> banned = {0};
  EXPECT_EQ(Draw({NAN, NAN, -INFINITY}, {.banned = banned}), 1);
  EXPECT_EQ(Draw({0.0F, INFINITY, 5.0F}, {.temperature = 1.0F, .uniform = 0.99}), 1);
  EXPECT_EQ(Draw({-0.0F, 0.0F}, {}), 0);
  EXPECT_EQ(Draw({1.0F, 1.0F, 1.0F, 1.0F}, {.temperature = 1.0F, .top_k = 2, .uniform = 0.999}), 1);
}

TEST_F(GpuSample, FrequenciesAreTheProbabilities) {
  const std::vector<float> logits = {std::log(1.0F), std::log(2.0F), std::log(4.0F),
                                     std::log(1.0F)};
  const int rounds = 400;
  std::map<int32_t, int> counts;
  for (int i = 0; i < rounds; ++i)
    ++counts[Draw(logits, {.temperature = 1.0F, .uniform = (i + 0.5) / rounds})];
  EXPECT_EQ(counts[0], rounds / 8);
  EXPECT_EQ(counts[1], rounds / 4);
  EXPECT_EQ(counts[2], rounds / 2);
}

TEST_F(GpuSample, RowsHaveTheirOwnOptions) {
  std::vector<float> logits = Logits(3 * 5000, 4, 5.0F);
  const TensorView view = gpu_.Make(3, 5000, logits);
  const std::vector<int32_t> banned = {17};
  std::vector<TokenRequest> requests(3);
  requests[1] = {.temperature = 0.8F, .top_p = 0.7F, .uniform = 0.4, .banned = banned};
  requests[2] = {.temperature = 1.0F, .uniform = 0.6};
  std::vector<int32_t> together(3);
  gpu_.be->Sample(view, requests, together);
  for (size_t r = 0; r < 3; ++r) {
    const std::vector<float> row(logits.begin() + static_cast<int64_t>(5000 * r),
                                 logits.begin() + static_cast<int64_t>(5000 * (r + 1)));
    EXPECT_EQ(Draw(row, requests[r]), together[r]);
  }
}

}  // namespace
}  // namespace parley::kernels

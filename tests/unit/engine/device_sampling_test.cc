// A device that draws tokens itself (here the host's sampler behind the device's interface) changes no token of any branch:
// several branches with options of their own, beside one that only appends.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "kernels/forwarding_backend.h"
#include "model/sampler.h"
#include "support/engine_bed.h"

namespace parley::engine {
namespace {

class DrawingBackend final : public kernels::ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  bool samples() const override { return true; }
  void Sample(const kernels::TensorView& logits, std::span<const kernels::TokenRequest> rows,
              std::span<int32_t> ids) override {
    ++steps;
    for (size_t r = 0; r < rows.size(); ++r) {
      const kernels::TokenRequest& request = rows[r];
      most_history = std::max(most_history, request.history.size());
      std::vector<float> values(static_cast<size_t>(logits.cols));
      Download(logits.Rows(static_cast<int32_t>(r), 1), values);
      EXPECT_GE(request.uniform, 0.0);
      EXPECT_LT(request.uniform, 1.0);
      model::Sampler greedy({.repetition_penalty = request.repetition_penalty,
                             .vocabulary_limit = request.limit,
                             .banned = {request.banned.begin(), request.banned.end()}});
      ids[r] = greedy.Sample(values, request.history);
    }
  }
  int steps = 0;
  size_t most_history = 0;
};

// Three branches of one trunk, greedy with different bans and penalties, while another sequence appends.
std::vector<std::vector<TokenId>> Say(kernels::Backend& backend) {
  test::EngineBed bed({}, backend);
  Sequence trunk = bed.Open();
  EXPECT_TRUE(bed.Append(trunk, test::Ids(20)).has_value());
  Sequence other = bed.Open();
  std::vector<Sequence> branches;
  std::vector<std::shared_ptr<test::TokenLog>> logs;
  for (int i = 0; i < 3; ++i) {
    GenerateOptions options{.max_tokens = 12 + i};
    options.sampler.repetition_penalty = 1.0F + 0.3F * static_cast<float>(i);
    if (i == 2) options.sampler.banned = {1, 2, 3, 4, 5, 6, 7, 8};
    branches.push_back(bed.engine().Fork(trunk, 20));
    logs.push_back(bed.Generate(branches.back(), options));
  }
  EXPECT_TRUE(bed.Append(other, test::Ids(30, 5)).has_value());
  bed.Run();
  std::vector<std::vector<TokenId>> said;
  for (const auto& log : logs) said.push_back(log->tokens);
  return said;
}

TEST(DeviceSampling, DrawsTheTokensThatTheHostDraws) {
  const auto reference = kernels::MakeReferenceBackend();
  const auto on_host = Say(*reference);
  DrawingBackend drawing(*reference);
  const auto on_device = Say(drawing);
  EXPECT_EQ(on_device, on_host);
  EXPECT_EQ(on_host[0].size(), 12U);
  EXPECT_GT(drawing.steps, 10);
  EXPECT_GT(drawing.most_history, 20U);
}

}  // namespace
}  // namespace parley::engine

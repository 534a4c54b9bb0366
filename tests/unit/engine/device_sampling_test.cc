// A device that draws tokens itself (here the host's sampler behind the device's interface) changes no token of any branch:
// several branches with options of their own, beside one that only appends.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "support/drawing_backend.h"
#include "support/engine_bed.h"

namespace parley::engine {
namespace {

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
  test::DrawingBackend drawing(*reference);
  const auto on_device = Say(drawing);
  EXPECT_EQ(on_device, on_host);
  EXPECT_EQ(on_host[0].size(), 12U);
  EXPECT_GT(drawing.steps, 10);
  EXPECT_GT(drawing.most_history, 20U);
}

}  // namespace
}  // namespace parley::engine

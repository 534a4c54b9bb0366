// After its first tokens a decode step allocates nothing: see allocation_counter.h.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "engine/engine_core.h"
#include "support/allocation_counter.h"
#include "support/hash_decoder.h"
#include "support/paths.h"

namespace parley::test {
namespace {

using engine::EngineCore;
using engine::Notices;

class CountingSink final : public engine::TokenSink {
 public:
  void OnToken(engine::Stream, TokenId, engine::Position) override { ++tokens; }
  void OnEnded(engine::Stream, const engine::Ended&) override {}
  int tokens = 0;
};

// Four branches decode; allocations of steps 11 to 60, all of which deliver tokens and some of which take pages.
int64_t AllocationsWhileDecoding(kernels::Backend& backend, const model::Decoder& decoder) {
  engine::EngineConfig config;
  config.kv_pages = 64;
  auto core = EngineCore::Make({.backend = &backend, .decoder = &decoder}, config);
  if (!core.has_value()) return -1;
  Notices notices;
  EXPECT_TRUE((*core)->admission().TryPromise(40));
  (*core)->Submit(engine::OpenCall{.sequence = 1, .pages = 40}, notices);
  (*core)->Submit(engine::AppendCall{.sequence = 1, .input = {.tokens = {1, 2, 3, 4, 5}}}, notices);
  auto sink = std::make_shared<CountingSink>();
  for (int64_t branch = 2; branch <= 5; ++branch) {
    (*core)->Submit(engine::ForkCall{.from = 1, .sequence = branch, .at = 5}, notices);
    engine::GenerateCall generate{.sequence = branch, .stream = {branch}, .sink = sink};
    generate.options.max_tokens = 80;
    generate.options.sampler = {.temperature = 0.8F, .top_k = 20, .repetition_penalty = 1.1F};
    (*core)->Submit(std::move(generate), notices);
  }
  for (int step = 0; step < 10; ++step) {
    (*core)->Step(Time(), notices);
    Deliver(notices);
  }
  const int tokens = sink->tokens;
  const int64_t before = allocations;
  for (int step = 0; step < 50; ++step) {
    const engine::StepReport report = (*core)->Step(Time(), notices);
    (*core)->Account(report, Duration(1));
    Deliver(notices);
  }
  const int64_t counted = allocations - before;
  EXPECT_EQ(sink->tokens - tokens, 200);
  return counted;
}

TEST(NoAlloc, TheEngineAllocatesNothingInADecodeStep) {
  const auto backend = kernels::MakeReferenceBackend();
  const HashDecoder decoder(*backend);
  EXPECT_EQ(AllocationsWhileDecoding(*backend, decoder), 0);
}

TEST(NoAlloc, CountsAllocations) {  // the counter counts
  const int64_t before = allocations;
  const auto something = std::make_unique<std::vector<int>>(100);
  EXPECT_GE(allocations - before, 2);
  EXPECT_EQ(something->size(), 100U);
}

}  // namespace
}  // namespace parley::test

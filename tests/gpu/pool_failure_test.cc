// A pool of two replicas, one GPU each, real decoders on the engine's own threads: a kernel ruins one GPU while both speak.
// Its talks end with an error within two seconds; the other one says what it would have said, and no step of it is late.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <future>
#include <memory>
#include <vector>

#include "bench/random_weights.h"
#include "common/clock.h"
#include "engine/local_engine.h"
#include "engine/pool_engine.h"
#include "gpu/bad_kernels.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda_devices.h"
#include "model/decoder.h"
#include "support/token_log.h"

namespace parley::test {
namespace {

using engine::EndReason;
using engine::Sequence;
using engine::Urgency;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int32_t kTokens = 1500;
constexpr int32_t kRuinAt = 500;  // tokens of the talk that goes on

struct Device {
  std::unique_ptr<kernels::Backend> backend;
  std::unique_ptr<model::Decoder> decoder;
};

Device OpenDevice(int gpu, const weights::Checkpoint& checkpoint) {
  Device device;
  auto backend = kernels::MakeCudaBackend({.device = gpu});
  EXPECT_TRUE(backend.has_value()) << backend.error().message;
  if (!backend) return device;
  device.backend = *std::move(backend);
  auto decoder = model::Decoder::Load(*device.backend, checkpoint);
  EXPECT_TRUE(decoder.has_value()) << decoder.error().message;
  if (decoder) device.decoder = *std::move(decoder);
  return device;
}

// A talk that says `kTokens` tokens, and when.
struct Talk {
  std::shared_ptr<TokenLog> log = std::make_shared<TokenLog>();
  std::vector<steady_clock::time_point> times;
  std::promise<engine::Ended> ended;
  std::promise<void> half_way;

  Talk() {
    log->on_token = [this](TokenId, engine::Position) {
      times.push_back(steady_clock::now());
      if (times.size() == kRuinAt) half_way.set_value();
    };
    log->on_ended = [this](const engine::Ended& how) { ended.set_value(how); };
  }
  double LongestGapMs(size_t from) const {
    double longest = 0.0;
    for (size_t i = std::max<size_t>(from, 1); i < times.size(); ++i) {
      longest = std::max(
          longest, std::chrono::duration<double, std::milli>(times[i] - times[i - 1]).count());
    }
    return longest;
  }
};

void Begin(engine::Engine& engine, const Sequence& sequence, Talk& talk) {
  std::vector<TokenId> prompt;
  for (TokenId i = 0; i < 40; ++i) prompt.push_back(1000 + 37 * i);
  engine.Append(sequence, {.tokens = prompt}, Urgency::kFirstWords, {});
  engine.Generate(sequence, {.max_tokens = kTokens}, talk.log);
}

TEST(GpuPool, AnIllegalAccessEndsItsOwnTalksAndTheOtherReplicaIsNeverLate) {
  const auto there = kernels::ListCudaDevices();
  ASSERT_TRUE(there.has_value());
  if (there->size() < 2) GTEST_SKIP() << "needs two GPUs";
  const auto random = bench::MakeRandomDecoder("step-audio-2-mini", 4);
  ASSERT_TRUE(random.has_value());
  const SteadyClock clock;
  std::vector<Device> devices;
  std::vector<std::unique_ptr<engine::CallEngine>> replicas;
  engine::EngineConfig config;
  config.kv_pages = 512;
  for (int32_t gpu = 0; gpu < 2; ++gpu) {
    devices.push_back(OpenDevice(gpu, *random->checkpoint));
    ASSERT_NE(devices.back().decoder, nullptr);
    auto made = engine::LocalEngine::Make({.backend = devices.back().backend.get(),
                                           .decoder = devices.back().decoder.get(),
                                           .replica = gpu},
                                          config, clock);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    replicas.push_back(*std::move(made));
  }
  std::promise<Error> told;
  Talk calm;
  Talk ruined;
  Talk beside;
  engine::PoolEngine pool(std::move(replicas));
  const auto open = [&] {
    auto opened = pool.Open(2048);
    EXPECT_TRUE(opened.has_value()) << opened.error().message;
    return opened ? *std::move(opened) : Sequence();
  };

  {  // what it says when nothing happens
    const Sequence first = open();
    const Sequence second = open();
    const Sequence& on_second = engine::ReplicaOf(first.id()) == 1 ? first : second;
    Begin(pool, on_second, calm);
    ASSERT_EQ(calm.ended.get_future().get().reason, EndReason::kBudget);
  }
  const auto idle_engine = pool.ForTalk([&](Error why) { told.set_value(std::move(why)); });
  const auto idle = idle_engine->Open(64);
  Sequence a = open();
  Sequence b = open();
  if (engine::ReplicaOf(a.id()) == 1) std::swap(a, b);
  ASSERT_TRUE(idle.has_value());
  ASSERT_EQ(engine::ReplicaOf(a.id()), 0U);
  ASSERT_EQ(engine::ReplicaOf(b.id()), 1U);
  const size_t idle_on = engine::ReplicaOf(idle->id());
  Begin(pool, a, ruined);
  Begin(pool, b, beside);
  beside.half_way.get_future().wait();

  cudaSetDevice(0);
  const auto stream = dynamic_cast<kernels::cuda::CudaBackend&>(*devices[0].backend).stream();
  const auto begin = steady_clock::now();
  LaunchIllegalWrite(stream);  // the engine's thread may have seen the failure before we do
  auto failing = ruined.ended.get_future();
  ASSERT_EQ(failing.wait_for(std::chrono::seconds(2)), std::future_status::ready);
  const double ended_ms =
      std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count();
  const engine::Ended how = failing.get();
  EXPECT_EQ(how.reason, EndReason::kFailed);
  EXPECT_EQ(how.error.code, Code::kDevice) << how.error.message;
  if (idle_on == 0) {
    EXPECT_EQ(told.get_future().get().code, Code::kDevice);
  }
  EXPECT_EQ(beside.ended.get_future().get().reason, EndReason::kBudget);
  EXPECT_EQ(beside.log->tokens, calm.log->tokens);
  EXPECT_EQ(pool.replicas_lost(), 1U);
  EXPECT_EQ(engine::ReplicaOf(open().id()), 1U);
  const double before = calm.LongestGapMs(kRuinAt);
  const double after = beside.LongestGapMs(kRuinAt);
  std::printf(
      "the ruined GPU's talk ended after %.1f ms; longest step beside it %.2f ms, in calm %.2f "
      "ms\n",
      ended_ms, after, before);
  EXPECT_LT(after, before + 20.0);
}

}  // namespace
}  // namespace parley::test

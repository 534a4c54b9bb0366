// Several replicas behind one engine: where talks are placed, that they stay, and that a device which fails takes its own
// talks along and nobody else's.
// SPDX-License-Identifier: Apache-2.0
#include "engine/pool_engine.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/local_engine.h"
#include "engine/simulated_engine.h"
#include "support/engine_bed.h"
#include "support/faulty_backend.h"

namespace parley::test {
namespace {

using engine::EndReason;
using engine::PoolEngine;
using engine::Sequence;
using engine::Urgency;

struct Device {
  FaultyBackend backend{kernels::MakeReferenceBackend()};
  HashDecoder decoder{backend};
  engine::EngineParts Parts(int32_t replica) {
    return {.backend = &backend, .decoder = &decoder, .replica = replica};
  }
};

engine::EngineConfig Pages(int32_t pages) {
  engine::EngineConfig config;
  config.kv_pages = pages;
  config.kv_type = engine::KvType::kF32;
  return config;
}

// Replicas on one simulated clock, a device of the reference backend each.
class PoolBed {
 public:
  explicit PoolBed(const std::vector<int32_t>& pages) {
    std::vector<std::unique_ptr<engine::CallEngine>> replicas;
    for (const int32_t count : pages) {
      devices_.push_back(std::make_unique<Device>());
      auto made = engine::SimulatedEngine::Make(
          devices_.back()->Parts(static_cast<int32_t>(replicas.size())), Pages(count), {},
          {.now = [this] { return executor_.Now(); },
           .at = [this](Time when,
                        std::function<void()> work) { executor_.At(when, std::move(work)); }});
      EXPECT_TRUE(made.has_value());
      replicas.push_back(std::move(*made));
    }
    pool_ = std::make_unique<PoolEngine>(std::move(replicas));
  }
  PoolEngine& pool() { return *pool_; }
  Device& device(size_t i) { return *devices_[i]; }
  ManualExecutor& executor() { return executor_; }

  Sequence Open(engine::Position reserve = 64) {
    auto opened = pool_->Open(reserve);
    EXPECT_TRUE(opened.has_value()) << opened.error().message;
    return opened ? std::move(*opened) : Sequence();
  }
  void Append(const Sequence& sequence, std::vector<TokenId> ids) {
    pool_->Append(sequence, {.tokens = std::move(ids)}, Urgency::kThinkingListening,
                  [](const Result<engine::Position>& done) {
                    EXPECT_TRUE(done.has_value()) << done.error().message;
                  });
  }
  std::shared_ptr<TokenLog> Generate(const Sequence& sequence, int32_t tokens) {
    auto log = std::make_shared<TokenLog>();
    pool_->Generate(sequence, {.max_tokens = tokens}, log);
    return log;
  }

 private:
  ManualExecutor executor_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::unique_ptr<PoolEngine> pool_;
};

size_t ReplicaOf(const Sequence& sequence) { return engine::ReplicaOf(sequence.id()); }

TEST(Pool, PlacesByFreePagesAndStays) {
  PoolBed bed({40, 60});
  const Sequence first = bed.Open();  // 5 pages each
  EXPECT_EQ(ReplicaOf(first), 1U);
  std::vector<Sequence> more;
  for (int i = 0; i < 4; ++i) more.push_back(bed.Open());  // replica 1 is left with 35 pages
  EXPECT_EQ(ReplicaOf(more[2]), 1U);
  EXPECT_EQ(ReplicaOf(more[3]), 0U);  // of 40 and 40
  EXPECT_EQ(ReplicaOf(bed.Open()), 1U);

  bed.Append(first, Ids(20));
  const Sequence fork = bed.pool().Fork(first, 12);
  EXPECT_EQ(ReplicaOf(fork), 1U);
  bed.Append(fork, Ids(8, 3));
  const auto said = bed.Generate(fork, 6);
  bed.executor().Run();
  EXPECT_EQ(said->tokens.size(), 6U);
  EXPECT_EQ(bed.device(0).decoder.steps(), 0);
  bed.pool().Rollback(first, 5);
  const auto again = bed.Generate(first, 4);
  bed.executor().Run();
  EXPECT_EQ(again->ended->reason, EndReason::kBudget);
  EXPECT_EQ(bed.device(0).decoder.steps(), 0);
  EXPECT_EQ(bed.pool().stats().pages_total, 100);
  EXPECT_EQ(bed.pool().stats().forks, 1);
}

TEST(Pool, AmongEqualsTheOneThatDecodesLessIsTaken) {
  PoolBed bed({60, 60});
  const Sequence talks[] = {bed.Open(), bed.Open()};
  EXPECT_EQ(ReplicaOf(talks[0]), 0U);
  EXPECT_EQ(ReplicaOf(talks[1]), 1U);
  bed.Append(talks[0], Ids(3));
  const auto log = bed.Generate(talks[0], 100);
  bed.executor().RunUntil(bed.executor().Now() + std::chrono::milliseconds(10));
  ASSERT_FALSE(log->ended.has_value());
  EXPECT_EQ(ReplicaOf(bed.Open(48)), 1U);  // one page would not be reason enough
}

TEST(Pool, RefusesWhatNoReplicaCanKeep) {
  PoolBed bed({10, 10});
  std::vector<Sequence> talks;
  for (int i = 0; i < 4; ++i) talks.push_back(bed.Open());
  const auto refused = bed.pool().Open(64);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kExhausted);
  EXPECT_NE(refused.error().message.find("each of 2 replicas is at capacity"), std::string::npos)
      << refused.error().message;
  const size_t freed = ReplicaOf(talks[2]);
  talks.erase(talks.begin() + 2);
  bed.executor().Run();
  EXPECT_EQ(ReplicaOf(bed.Open()), freed);
}

// What the second replica says, and when, while the first one's device fails or does not.
struct Said {
  std::vector<TokenId> tokens;
  std::vector<Time> times;
};
Said SayBeside(bool fails) {
  PoolBed bed({60, 60});
  std::optional<Error> told;
  Time told_at;
  const auto lost = [&](Error why) {
    told = std::move(why);
    told_at = bed.executor().Now();
  };
  const auto idle_engine = bed.pool().ForTalk(lost);
  auto idle = idle_engine->Open(64);
  const Sequence speaks = bed.Open();
  const Sequence busy = bed.Open();
  EXPECT_EQ(ReplicaOf(*idle), 0U);
  EXPECT_EQ(ReplicaOf(speaks), 1U);
  EXPECT_EQ(ReplicaOf(busy), 0U);
  bed.Append(*idle, Ids(5));
  bed.Append(busy, Ids(5));
  bed.Append(speaks, Ids(9));
  const auto failing = bed.Generate(busy, 40);
  Time failed_at;
  failing->on_token = [&](TokenId, engine::Position position) {
    if (!fails || position != 12) return;
    bed.device(0).backend.polls_to_fail = 1000000;
    failed_at = bed.executor().Now();
  };
  const auto log = bed.Generate(speaks, 40);
  Said said;
  log->on_token = [&](TokenId, engine::Position) { said.times.push_back(bed.executor().Now()); };
  bed.executor().Run();
  said.tokens = log->tokens;
  EXPECT_EQ(log->ended->reason, EndReason::kBudget);
  EXPECT_EQ(failing->ended->reason, fails ? EndReason::kFailed : EndReason::kBudget);
  EXPECT_EQ(told.has_value(), fails);
  if (!fails) return said;

  EXPECT_EQ(failing->ended->error.code, Code::kDevice);
  EXPECT_EQ(told->code, Code::kDevice);
  EXPECT_LT(told_at - failed_at, std::chrono::seconds(2));
  EXPECT_NE(told->message.find("restart parley"), std::string::npos) << told->message;
  // Its talks get errors, also for sound; new talks go where it is well.
  std::vector<Code> codes;
  idle_engine->Append(*idle, {.tokens = {1}}, Urgency::kFirstWords,
                      [&](const Result<engine::Position>& r) { codes.push_back(r.error().code); });
  idle_engine->Transcribe(
      {1}, std::vector<float>(100), {}, Urgency::kFirstWords,
      [&](const Result<model::Transcript>& r) { codes.push_back(r.error().code); });
  bed.executor().Run();
  EXPECT_EQ(codes, std::vector<Code>(2, Code::kDevice));
  for (int i = 0; i < 5; ++i) {
    const auto talk = bed.pool().ForTalk({});
    const auto opened = talk->Open(64);
    EXPECT_EQ(ReplicaOf(*opened), 1U);
    Code code = Code::kDevice;
    talk->Transcribe({7}, std::vector<float>(100), {}, Urgency::kFirstWords,
                     [&](const Result<model::Transcript>& r) { code = r.error().code; });
    bed.executor().Run();
    EXPECT_NE(code, Code::kDevice);  // it has no transcriber, but it was asked
  }

  EXPECT_EQ(bed.pool().replicas(), 2U);
  EXPECT_EQ(bed.pool().replicas_lost(), 1U);
  const Sequence last = bed.Open();
  bed.device(1).backend.polls_to_fail = 1000000;
  bed.pool().Append(last, {.tokens = Ids(5)}, Urgency::kFirstWords, {});
  bed.executor().Run();
  const auto refused = bed.pool().Open(64);
  EXPECT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kDevice);
  EXPECT_EQ(bed.pool().replicas_lost(), 2U);
  return said;
}

TEST(Pool, AFailedDeviceEndsItsTalksAndNobodyElseNotices) {
  const Said calm = SayBeside(false);
  const Said beside = SayBeside(true);
  EXPECT_EQ(calm.tokens.size(), 40U);
  EXPECT_EQ(beside.tokens, calm.tokens);
  EXPECT_EQ(beside.times, calm.times);
}

// The same on real threads: who is told is told without being asked, the other replica says all that it has to say.
TEST(Pool, OnThreadsOfItsOwn) {
  const SteadyClock clock;
  std::vector<std::unique_ptr<Device>> devices;
  std::vector<std::unique_ptr<engine::CallEngine>> replicas;
  for (int32_t i = 0; i < 2; ++i) {
    devices.push_back(std::make_unique<Device>());
    auto made = engine::LocalEngine::Make(devices.back()->Parts(i), Pages(60), clock);
    ASSERT_TRUE(made.has_value());
    replicas.push_back(std::move(*made));
  }
  // Before the pool, whose threads use them until it is gone.
  std::promise<Error> told;
  std::promise<engine::Ended> failed;
  std::promise<engine::Ended> ended;
  PoolEngine pool(std::move(replicas));
  const auto idle_engine = pool.ForTalk([&](Error why) { told.set_value(std::move(why)); });
  const auto idle = idle_engine->Open(64);
  const auto speaks = pool.Open(64);
  const auto busy = pool.Open(64);
  ASSERT_TRUE(idle && speaks && busy);
  auto failing = std::make_shared<TokenLog>();
  failing->on_token = [&](TokenId, engine::Position) {
    devices[0]->backend.polls_to_fail = 1000000;  // on the thread that polls it
  };
  failing->on_ended = [&](const engine::Ended& how) { failed.set_value(how); };
  auto log = std::make_shared<TokenLog>();
  log->on_ended = [&](const engine::Ended& how) { ended.set_value(how); };
  for (const Sequence* talk : {&*busy, &*speaks}) {
    pool.Append(*talk, {.tokens = Ids(5)}, Urgency::kFirstWords, {});
  }
  pool.Generate(*busy, {.max_tokens = 30}, failing);
  pool.Generate(*speaks, {.max_tokens = 30}, log);
  EXPECT_EQ(failed.get_future().get().reason, EndReason::kFailed);
  EXPECT_EQ(told.get_future().get().code, Code::kDevice);
  EXPECT_EQ(ended.get_future().get().reason, EndReason::kBudget);
  EXPECT_EQ(log->tokens.size(), 30U);
}

}  // namespace
}  // namespace parley::test

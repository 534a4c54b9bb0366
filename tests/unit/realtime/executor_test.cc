// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "realtime/asio_executor.h"
#include "realtime/sim_executor.h"

namespace parley::realtime {
namespace {

TEST(SimExecutor, RunsInTheOrderOfTimeThenOfPosting) {
  SimExecutor executor;
  std::string log;
  executor.At(Time(milliseconds(20)), [&] { log += "c"; });
  executor.At(Time(milliseconds(10)), [&] {
    log += "a";
    executor.Post([&] { log += "b"; });
  });
  executor.At(Time(milliseconds(20)), [&] { log += "d"; });
  executor.RunUntil(Time(milliseconds(30)));
  EXPECT_EQ(log, "abcd");
  EXPECT_EQ(executor.Now(), Time(milliseconds(30)));
}

TEST(SimExecutor, ACancelledTimerNeverRuns) {
  SimExecutor executor;
  int runs = 0;
  const TimerId timer = executor.At(Time(milliseconds(10)), [&] { ++runs; });
  executor.Cancel(timer);
  executor.Cancel(timer);
  executor.RunUntil(Time(milliseconds(20)));
  EXPECT_EQ(runs, 0);
  EXPECT_EQ(executor.pending(), 0U);
}

TEST(SimExecutor, WhatIsDueBehindABusyStrandRunsLate) {
  SimExecutor executor;
  Time ran{};
  executor.At(Time(milliseconds(10)), [&] { executor.Charge(milliseconds(7)); });
  executor.At(Time(milliseconds(12)), [&] { ran = executor.Now(); });
  executor.RunUntil(Time(milliseconds(20)));
  EXPECT_EQ(ran, Time(milliseconds(17)));
}

// As the end of a talk: a closure owns the talk, and the talk owns the executor.
TEST(SimExecutor, WhatIsDroppedIsDestroyedUnrunAndMayPost) {
  const auto executor = std::make_shared<SimExecutor>();
  const std::weak_ptr<SimExecutor> alive = executor;
  int runs = 0;
  const auto leaves = [&](SimExecutor* own) { own->Cancel(own->At(Time{}, [&] { ++runs; })); };
  std::shared_ptr<SimExecutor> talk(executor.get(), [executor, leaves](SimExecutor* own) {
    own->Post([again = executor] { FAIL() << again->pending(); });
    leaves(own);
  });
  executor->Post([&runs, talk = std::move(talk)] { ++runs; });
  executor->Drop();
  EXPECT_EQ(executor->pending(), 0U);
  EXPECT_EQ(runs, 0);
  EXPECT_EQ(alive.use_count(), 1) << "the closures own it no more";
}

TEST(AsioExecutor, RunsOneAtATimeFromManyThreads) {
  TalkThreads threads(3);
  const auto strand = threads.NewStrand();
  int plain = 0;  // a data race, were two closures ever to run at once
  {
    std::vector<std::jthread> posters;
    for (int t = 0; t < 4; ++t) {
      posters.emplace_back([&] {
        for (int i = 0; i < 500; ++i) strand->Post([&] { ++plain; });
      });
    }
  }
  std::promise<int> total;
  strand->Post([&] { total.set_value(plain); });
  EXPECT_EQ(total.get_future().get(), 2000);
}

TEST(AsioExecutor, TimersRunInOrderAndCancelledOnesNever) {
  TalkThreads threads(2);
  const auto strand = threads.NewStrand();
  std::string log;
  std::promise<void> done;
  const Time now = strand->Now();
  // Far enough apart that all of them are armed before the first is due, on a machine under load too.
  strand->At(now + milliseconds(400), [&] {
    log += "b";
    done.set_value();
  });
  strand->At(now + milliseconds(100), [&] { log += "a"; });
  const TimerId never = strand->At(now + milliseconds(200), [&] { log += "x"; });
  strand->Cancel(never);
  done.get_future().wait();
  EXPECT_EQ(log, "ab");
  EXPECT_GE(strand->Now(), now + milliseconds(400));
}

TEST(AsioExecutor, AStrandMayOutliveItsThreads) {
  std::shared_ptr<Executor> strand;
  auto owned = std::make_shared<int>(7);
  const std::weak_ptr<int> watch = owned;
  {
    TalkThreads threads(1);
    strand = threads.NewStrand();
    strand->Post([owned = std::move(owned), strand] {});
    strand->At(strand->Now() + std::chrono::hours(1), [] { FAIL(); });
  }
  EXPECT_TRUE(watch.expired());
  strand->Post([] { FAIL(); });
}

}  // namespace
}  // namespace parley::realtime

// Every slice once, whatever the workers do.
// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace parley::kernels::cpu {
namespace {

TEST(ThreadPool, RunsEverySliceOnce) {
  ThreadPool pool(4);
  EXPECT_EQ(pool.threads(), 4);
  for (int round = 0; round < 2000; ++round) {
    const int32_t slices = round % 37;
    std::vector<int> count(static_cast<size_t>(slices),
                           0);  // plain: a second visit would be a race for TSan
    pool.Run(slices, [&](int32_t slice, int worker) {
      EXPECT_TRUE(worker >= 0 && worker < 4);
      ++count[static_cast<size_t>(slice)];
    });
    EXPECT_EQ(std::count(count.begin(), count.end(), 1), slices);
  }
}

TEST(ThreadPool, WorkersWakeFromSleep) {
  ThreadPool pool(3);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(
        std::chrono::milliseconds(3));  // far beyond the spin: they sleep in the kernel
    std::atomic<int> met = 0;
    // Each of three slices waits for the two others: only three awake threads can finish this.
    pool.Run(3, [&](int32_t, int) {
      ++met;
      while (met.load() < 3) std::this_thread::yield();
    });
    EXPECT_EQ(met.load(), 3);
  }
}

TEST(ThreadPool, SlowSliceDoesNotHoldUpTheOthers) {
  ThreadPool pool(2);
  std::vector<int> by(64, -1);
  pool.Run(64, [&](int32_t slice, int worker) {
    if (slice == 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    by[static_cast<size_t>(slice)] = worker;
  });
  const int slow = by[0];
  // Whoever did not sleep took nearly all the others.
  EXPECT_GT(std::count(by.begin(), by.end(), 1 - slow), 50);
}

TEST(ThreadPool, OneThreadIsTheCaller) {
  ThreadPool pool(1);
  const auto me = std::this_thread::get_id();
  int32_t seen = 0;
  pool.Run(10, [&](int32_t slice, int worker) {
    EXPECT_EQ(std::this_thread::get_id(), me);
    EXPECT_EQ(worker, 0);
    EXPECT_EQ(slice, seen++);
  });
  EXPECT_EQ(seen, 10);
}

TEST(ThreadPool, PoolsComeAndGo) {
  for (int i = 0; i < 50; ++i) {
    ThreadPool pool(3);
    std::atomic<int> sum = 0;
    if (i % 2 == 0) pool.Run(7, [&](int32_t slice, int) { sum += slice; });
    EXPECT_EQ(sum.load(), i % 2 == 0 ? 21 : 0);
  }
}

}  // namespace
}  // namespace parley::kernels::cpu

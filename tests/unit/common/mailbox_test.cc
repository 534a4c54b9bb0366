// SPDX-License-Identifier: Apache-2.0
#include "common/mailbox.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace parley {
namespace {

using std::chrono::steady_clock;

TEST(Mailbox, GivesValuesInTheOrderTheyCame) {
  Mailbox<int> box(3, WhenFull::kRejectNew);
  EXPECT_FALSE(box.TryPop().has_value());
  for (int i = 1; i <= 3; ++i) EXPECT_TRUE(box.Push(i));
  EXPECT_EQ(box.size(), 3U);
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(box.TryPop(), i);
  EXPECT_EQ(box.dropped(), 0);
}

TEST(Mailbox, RejectsNewAndCountsWhenFull) {
  Mailbox<int> box(2, WhenFull::kRejectNew);
  EXPECT_TRUE(box.Push(1));
  EXPECT_TRUE(box.Push(2));
  EXPECT_FALSE(box.Push(3));
  EXPECT_EQ(box.dropped(), 1);
  EXPECT_EQ(box.TryPop(), 1);
  EXPECT_TRUE(box.Push(4));
  EXPECT_EQ(box.TryPop(), 2);
  EXPECT_EQ(box.TryPop(), 4);
}

TEST(Mailbox, DropsOldestAndCountsWhenFull) {
  Mailbox<int> box(2, WhenFull::kDropOldest);
  for (int i = 1; i <= 5; ++i) EXPECT_TRUE(box.Push(i));
  EXPECT_EQ(box.size(), 2U);
  EXPECT_EQ(box.dropped(), 3);
  EXPECT_EQ(box.TryPop(), 4);
  EXPECT_EQ(box.TryPop(), 5);
}

// A value's destructor may use the box (a sequence that returns its pages does).
TEST(Mailbox, DestroysWhatItDropsOutsideTheLock) {
  struct Probe {
    explicit Probe(Mailbox<std::unique_ptr<Probe>>& b) : box(b) {}
    ~Probe() { size_seen_by_last = box.size(); }
    Mailbox<std::unique_ptr<Probe>>& box;
    size_t& size_seen_by_last = Seen();
    static size_t& Seen() {
      static size_t seen = 99;
      return seen;
    }
  };
  Mailbox<std::unique_ptr<Probe>> box(1, WhenFull::kDropOldest);
  box.Push(std::make_unique<Probe>(box));
  box.Push(std::make_unique<Probe>(box));  // would deadlock here
  EXPECT_EQ(Probe::Seen(), 1U);
  box.TryPop();
}

TEST(Mailbox, WakesForEachValueTakenInAndForClosing) {
  int wakes = 0;
  Mailbox<int> box(1, WhenFull::kRejectNew, [&] { ++wakes; });
  box.Push(1);
  EXPECT_EQ(wakes, 1);
  box.Push(2);  // refused
  EXPECT_EQ(wakes, 1);
  box.Close();
  EXPECT_EQ(wakes, 2);
}

TEST(Mailbox, PopWaitsForAValue) {
  Mailbox<int> box(1, WhenFull::kRejectNew);
  std::atomic<int> got = 0;
  std::jthread reader([&](std::stop_token stop) { got = box.Pop(stop).value_or(-1); });
  box.Push(7);
  reader.join();
  EXPECT_EQ(got, 7);
}

TEST(Mailbox, PopReturnsNothingWhenAskedToStop) {
  Mailbox<int> box(1, WhenFull::kRejectNew);
  std::atomic<int> got = 0;
  std::jthread reader([&](std::stop_token stop) { got = box.Pop(stop).value_or(-1); });
  reader.request_stop();
  reader.join();
  EXPECT_EQ(got, -1);
}

TEST(Mailbox, ClosingRefusesNewAndGivesTheRest) {
  Mailbox<int> box(2, WhenFull::kRejectNew);
  box.Push(1);
  box.Close();
  EXPECT_FALSE(box.Push(2));
  EXPECT_EQ(box.dropped(), 0);  // refused for another reason than being full
  EXPECT_EQ(box.Pop({}), 1);
  EXPECT_FALSE(box.Pop({}).has_value());  // does not wait
}

TEST(Mailbox, PopUntilGivesUpAtTheDeadline) {
  Mailbox<int> box(1, WhenFull::kRejectNew);
  const auto deadline = steady_clock::now() + std::chrono::milliseconds(5);
  EXPECT_FALSE(box.PopUntil({}, deadline).has_value());
  EXPECT_GE(steady_clock::now(), deadline);
  box.Push(3);
  EXPECT_EQ(box.PopUntil({}, deadline), 3);  // a deadline in the past still takes what is there
}

TEST(Mailbox, LosesNothingBetweenManyWritersAndReaders) {
  constexpr int kEach = 5000;
  Mailbox<int> box(16, WhenFull::kRejectNew);
  std::atomic<int64_t> sum = 0;
  std::atomic<int> count = 0;
  std::atomic<int64_t> refused = 0;
  {
    std::vector<std::jthread> readers;
    for (int r = 0; r < 2; ++r) {
      readers.emplace_back([&] {
        while (auto value = box.Pop({})) {
          sum += *value;
          ++count;
        }
      });
    }
    {
      std::vector<std::jthread> writers;
      for (int w = 0; w < 2; ++w) {
        writers.emplace_back([&] {
          for (int i = 1; i <= kEach; ++i) {
            while (!box.Push(i)) {
              ++refused;
              std::this_thread::yield();
            }
          }
        });
      }
    }
    box.Close();
  }
  EXPECT_EQ(count, 2 * kEach);
  EXPECT_EQ(sum, int64_t{kEach} * (kEach + 1));
  EXPECT_EQ(box.dropped(), refused);
}

}  // namespace
}  // namespace parley

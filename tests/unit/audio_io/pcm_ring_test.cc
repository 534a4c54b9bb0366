// SPDX-License-Identifier: Apache-2.0
#include "audio_io/pcm_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <thread>

namespace parley::audio {
namespace {

std::vector<float> Count(size_t from, size_t n) {
  std::vector<float> numbers(n);
  std::iota(numbers.begin(), numbers.end(), static_cast<float>(from));
  return numbers;
}

TEST(PcmRing, GivesBackInOrderAcrossTheEnd) {
  PcmRing ring(8);
  std::vector<float> out(5);
  for (size_t round = 0; round < 20; ++round) {
    ASSERT_EQ(ring.Push(Count(round * 5, 5)), 5u);
    ASSERT_EQ(ring.size(), 5u);
    ASSERT_EQ(ring.Pop(out), 5u);
    ASSERT_EQ(out, Count(round * 5, 5));
  }
  EXPECT_EQ(ring.overruns(), 0);
  EXPECT_EQ(ring.underruns(), 0);
}

TEST(PcmRing, RefusesWhatDoesNotFitAndCountsIt) {
  PcmRing ring(5);
  EXPECT_EQ(ring.capacity(), 8u) << "the next power of two";
  EXPECT_EQ(ring.Push(Count(0, 6)), 6u);
  EXPECT_EQ(ring.Push(Count(6, 6)), 2u) << "the front of the block is kept";
  EXPECT_EQ(ring.overruns(), 4);
  EXPECT_EQ(ring.Push(Count(0, 1)), 0u);
  EXPECT_EQ(ring.overruns(), 5);
  std::vector<float> out(8);
  ASSERT_EQ(ring.Pop(out), 8u);
  EXPECT_EQ(out, Count(0, 8)) << "a refusal must not harm what is there";
}

TEST(PcmRing, FillsWithSilenceAndCountsIt) {
  PcmRing ring(8);
  ring.Push(Count(1, 2));
  std::vector<float> out(5, 9.0f);
  ring.PopOrSilence(out);
  EXPECT_EQ(out, (std::vector<float>{1, 2, 0, 0, 0}));
  EXPECT_EQ(ring.underruns(), 3);
  EXPECT_EQ(ring.Pop(out), 0u);
  EXPECT_EQ(ring.underruns(), 3) << "Pop promises nothing, so it misses nothing";
}

TEST(PcmRing, ClearForgetsWhatWaits) {
  PcmRing ring(8);
  ring.Push(Count(0, 7));
  ring.Clear();
  EXPECT_EQ(ring.size(), 0u);
  ring.Push(Count(100, 8));
  std::vector<float> out(8);
  ASSERT_EQ(ring.Pop(out), 8u);
  EXPECT_EQ(out, Count(100, 8));
}

// Numbers go through a small ring from one thread to another; every one arrives once, in order.
// Under TSan this also proves the memory order.
TEST(PcmRing, TwoThreadsLoseNothing) {
  PcmRing ring(64);
  constexpr size_t kTotal = 200000;  // below 2^24, so that floats count exactly
  std::thread producer([&] {
    size_t next = 0;
    while (next < kTotal) {
      const size_t n = std::min<size_t>(1 + next % 37, kTotal - next);
      const size_t taken = ring.Push(Count(next, n));
      next += taken;
      if (taken == 0) std::this_thread::yield();
    }
  });
  size_t next = 0;
  size_t wrong = 0;
  std::vector<float> out(41);
  while (next < kTotal) {
    const size_t given = ring.Pop(out);
    for (size_t i = 0; i < given; ++i) wrong += out[i] != static_cast<float>(next + i);
    next += given;
    if (given == 0) std::this_thread::yield();
  }
  producer.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(ring.size(), 0u);
}

}  // namespace
}  // namespace parley::audio

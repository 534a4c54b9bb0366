// SPDX-License-Identifier: Apache-2.0
#include "wire/outbox.h"

#include <gtest/gtest.h>

namespace parley::wire {
namespace {

TEST(Outbox, RefusesBeyondItsBytesButTakesOneMessageOfAnyLength) {
  int woken = 0;
  Outbox box(10, [&] { ++woken; });
  EXPECT_EQ(box.Push(std::string(50, 'a'), 0), Outbox::Put::kTaken);
  EXPECT_EQ(box.Push("b", 0), Outbox::Put::kFull);
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(box.Take()->text.size(), 50U);
  EXPECT_EQ(box.bytes(), 0U);
  EXPECT_EQ(box.Push("0123456789", 0), Outbox::Put::kTaken);
}

TEST(Outbox, TakesBackOneGroup) {
  Outbox box(100, [] {});
  box.Push("keep", 0);
  box.Push("sound", 7);
  box.Push("other", 8);
  box.Push("sound", 7);
  EXPECT_EQ(box.Drop(7), 2U);
  EXPECT_EQ(box.Drop(0), 0U);
  EXPECT_EQ(box.bytes(), 9U);
  EXPECT_EQ(box.Take()->text, "keep");
  EXPECT_EQ(box.Take()->text, "other");
  EXPECT_FALSE(box.Take());
}

TEST(Outbox, ClosesBehindWhatWaits) {
  Outbox box(100, [] {});
  box.Push("last words", 0);
  box.Close(1001, "going");
  EXPECT_EQ(box.Push("late", 0), Outbox::Put::kClosed);
  EXPECT_FALSE(box.closing());
  EXPECT_EQ(box.Take()->text, "last words");
  ASSERT_TRUE(box.closing());
  EXPECT_EQ(box.closing()->code, 1001);
}

TEST(Outbox, ClosesAtOnceWhenToldTo) {
  Outbox box(100, [] {});
  box.Push("never read", 0);
  box.Close(1013, "slow", true);
  ASSERT_TRUE(box.closing());
  EXPECT_EQ(box.closing()->code, 1013);
}

}  // namespace
}  // namespace parley::wire

// SPDX-License-Identifier: Apache-2.0
#include "engine/page_pool.h"

#include <gtest/gtest.h>

#include <vector>

namespace parley::engine {
namespace {

using Refusal = PagePool::Refusal;

class PagePoolTest : public testing::Test {
 protected:
  Talk OpenTalk(int32_t pages) {
    EXPECT_TRUE(admission_.TryPromise(pages));
    return {.reserved = pages};
  }
  int32_t Take(Talk& talk, bool firm) { return pool_.Take(talk, firm, refusal_); }

  Admission admission_{8};
  PagePool pool_{8, admission_};
  Refusal refusal_ = Refusal::kNone;
};

TEST_F(PagePoolTest, SoftPagesLeaveRoomForWhatIsReserved) {
  Talk talk = OpenTalk(6);
  EXPECT_GE(Take(talk, false), 0);
  EXPECT_GE(Take(talk, false), 0);
  EXPECT_LT(Take(talk, false), 0);
  EXPECT_EQ(refusal_, Refusal::kNoFreePage);
  for (int i = 0; i < 6; ++i) EXPECT_GE(Take(talk, true), 0);
  EXPECT_EQ(pool_.used(), 8);
}

TEST_F(PagePoolTest, FirmPagesBeyondTheReservationAreBorrowedWhileNobodyElseIsPromisedThem) {
  Talk first = OpenTalk(4);
  Talk second = OpenTalk(3);
  for (int i = 0; i < 5; ++i) EXPECT_GE(Take(first, true), 0);
  EXPECT_LT(Take(first, true), 0);
  EXPECT_EQ(refusal_, Refusal::kNotPromised);
  EXPECT_FALSE(admission_.TryPromise(1));
  for (int i = 0; i < 3; ++i) EXPECT_GE(Take(second, true), 0);
}

TEST_F(PagePoolTest, WhatWasBorrowedGoesBackWithThePage) {
  Talk talk = OpenTalk(2);
  std::vector<int32_t> pages;
  for (int i = 0; i < 8; ++i) pages.push_back(Take(talk, true));
  EXPECT_EQ(admission_.promised(), 8);
  for (const int32_t page : pages) pool_.Drop(page, true);
  EXPECT_EQ(admission_.promised(), 2);
  pool_.CloseTalk(talk);
  EXPECT_EQ(admission_.promised(), 0);
  EXPECT_EQ(pool_.used(), 0);
  EXPECT_EQ(pool_.peak(), 8);
}

TEST_F(PagePoolTest, ReplacingAFirmPageNeedsNoNewPromise) {
  Talk talk = OpenTalk(7);
  std::vector<int32_t> firm;
  for (int i = 0; i < 7; ++i) firm.push_back(Take(talk, true));
  pool_.Share(firm[6], /*firm=*/false);  // a fork
  const int32_t own = pool_.Replace(firm[6], true, refusal_);
  EXPECT_GE(own, 0);
  EXPECT_TRUE(pool_.soft(firm[6]));
  EXPECT_EQ(talk.firm, 7);
  EXPECT_EQ(admission_.promised(), 7);
  pool_.Drop(firm[6], false);
  EXPECT_EQ(pool_.used(), 7);
}

TEST_F(PagePoolTest, ABranchBecomesFirmWhenThePoolCanPromiseIt) {
  Talk talk = OpenTalk(2);
  std::vector<int32_t> branch;
  for (int i = 0; i < 3; ++i) branch.push_back(Take(talk, false));
  {
    Talk other = OpenTalk(5);
    EXPECT_TRUE(pool_.MakeFirm(talk, {branch[0], branch[1]}));
    EXPECT_EQ(talk.firm, 2);
    EXPECT_TRUE(pool_.MakeFirm(talk, {branch[0], branch[2]}));  // one of them is firm already
    EXPECT_EQ(talk.firm, 3);
    EXPECT_EQ(admission_.promised(), 8);
    pool_.CloseTalk(other);
  }
  branch.push_back(Take(talk, false));
  const Talk other = OpenTalk(5);
  EXPECT_FALSE(pool_.MakeFirm(talk, {branch[0], branch[3]}));
  EXPECT_EQ(talk.firm, 3);
  EXPECT_EQ(other.reserved, 5);
}

}  // namespace
}  // namespace parley::engine

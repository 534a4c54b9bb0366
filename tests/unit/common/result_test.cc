// SPDX-License-Identifier: Apache-2.0
#include "common/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "common/check.h"
#include "common/clock.h"
#include "common/ids.h"

namespace parley {
namespace {

Result<std::unique_ptr<int>> Make(bool good) {
  if (!good) return Fail(Code::kIo, "disk");
  return std::make_unique<int>(5);
}

Result<int> Use(bool good) {
  PARLEY_TRY(auto made, Make(good));
  PARLEY_TRY_STATUS(Status());
  return *made + 1;
}

TEST(Result, TryPassesValuesOnAndErrorsUp) {
  ASSERT_TRUE(Use(true));
  EXPECT_EQ(*Use(true), 6);
  auto failed = Use(false);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::kIo);
  EXPECT_EQ(failed.error().message, "disk");
}

TEST(Result, RemembersWhereTheErrorWasMade) {
  const Error error = Fail(Code::kPeer, "x");
  EXPECT_NE(std::string_view(error.file).find("result_test.cc"), std::string_view::npos);
  EXPECT_EQ(error.line, __LINE__ - 2);
  EXPECT_EQ(Context("loading a", error).line, error.line);
  EXPECT_EQ(Context("loading a", error).message, "loading a: x");
}

TEST(Result, EveryCodeHasItsOwnName) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(Code::kPeer); ++code) {
    names.insert(CodeName(static_cast<Code>(code)));
  }
  EXPECT_EQ(names.size(), 10U);
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(CheckDeathTest, SaysFileConditionAndMessage) {
  PARLEY_CHECK(1 + 1 == 2, "fine");
  EXPECT_DEATH(PARLEY_CHECK(1 + 1 == 3, "sums"), "result_test.cc:.*1 \\+ 1 == 3: sums");
}

TEST(Ids, CountUpAndCompare) {
  const Epoch first{1};
  EXPECT_EQ(first.Next().value, 2);
  EXPECT_LT(first, first.Next());
}

TEST(SteadyClock, StartsAtZeroAndNeverGoesBack) {
  SteadyClock clock;
  const Time a = clock.Now();
  const Time b = clock.Now();
  EXPECT_GE(Ms(a), 0);
  EXPECT_LE(a, b);
}

}  // namespace
}  // namespace parley

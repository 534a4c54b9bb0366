// SPDX-License-Identifier: Apache-2.0
#include "common/nearest.h"

#include <gtest/gtest.h>

#include <array>

namespace parley {
namespace {

TEST(Nearest, CountsEdits) {
  EXPECT_EQ(EditDistance("", ""), 0U);
  EXPECT_EQ(EditDistance("", "abc"), 3U);
  EXPECT_EQ(EditDistance("abc", ""), 3U);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3U);
  EXPECT_EQ(EditDistance("pages", "page"), 1U);
  EXPECT_EQ(EditDistance("ab", "ba"), 2U);  // a swap is two edits
}

TEST(Nearest, OrdersByDistanceThenByPlace) {
  constexpr std::array<std::string_view, 4> kKnown{"turn.max_ms", "turn.min_ms", "mind.seed",
                                                   "turn.mid_ms"};
  EXPECT_EQ(NearestNames("turn.mix_ms", kKnown, 2),
            (std::vector<std::string_view>{"turn.max_ms", "turn.min_ms"}));
  EXPECT_EQ(NearestNames("mind.sed", kKnown, 1), std::vector<std::string_view>{"mind.seed"});
  EXPECT_EQ(NearestNames("x", kKnown, 9).size(), 4U);
  EXPECT_TRUE(NearestNames("x", {}, 3).empty());
}

}  // namespace
}  // namespace parley

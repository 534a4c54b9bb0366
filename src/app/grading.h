// Is a spoken answer right? Rules are written once beside the question and mean the same whether the
// answer says "11" or "eleven".
// Thread:   plain functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace parley::app {

// What makes an answer right: every rule that is given must hold.
struct GradingRule {
  std::vector<std::string> accept;  // one of these is found (regular expressions, case ignored)
  std::vector<std::string> forbid;  // and none of these
  std::optional<int64_t> number;    // the first number that the answer says
  std::string begins;               // the answer's first word: "yes", "no", "valid"
};

struct Grade {
  bool right = false;
  bool forbidden = false;  // something of `forbid` was found
};

// The first number of a text, in figures or in words up to a thousand; a fraction does not count.
std::optional<int64_t> FirstNumber(std::string_view text);

// kInvalidArgument names the expression that is none.
Result<Grade> GradeAnswer(const GradingRule& rule, std::string_view answer);

// Wilson's 95 % interval of k of n, as shares.
struct Share {
  double low = 0, high = 1;
};
Share IntervalOf(int64_t k, int64_t n);

}  // namespace parley::app

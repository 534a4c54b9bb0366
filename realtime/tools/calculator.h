// Arithmetic as people write it and speak it: "3 * (4 + 5)", "15% of 80", "2^10", "sqrt(2)",
// "1,000 divided by 8", "7 mod 3", "12 × 12".
// Thread:   plain function.
// Memory:   none beyond its result; an expression is at most 512 bytes and 64 brackets deep.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"

namespace parley::realtime {

// kInvalidArgument says what stands where it cannot, or what has no value (a division by zero).
Result<double> Calculate(std::string_view expression);

// Twelve digits, no trailing zeros: 0.1 + 0.2 is "0.3", 2^40 is "1099511627776".
std::string FormatNumber(double value);

}  // namespace parley::realtime

// How long a token takes on this machine, now: what a deadline must leave for the words behind it.
// Thread:   plain value.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "common/clock.h"

namespace parley::realtime {

class TokenPace {
 public:
  void Begin() { last_ = {}; }  // a stream: the wait before its first token is no pace
  void Took(Time now) {
    if (last_ != Time{}) {
      const Duration took = std::min(now - last_, kLongest);
      interval_ = measured_ ? (interval_ * 7 + took) / 8 : took;
      measured_ = true;
    }
    last_ = now;
  }
  Duration Of(int64_t tokens) const { return interval_ * tokens; }

 private:
  static constexpr Duration kLongest = milliseconds(500);  // a stall says nothing of the next token
  Duration interval_ = milliseconds(8);                    // until measured: two cores, 135M
  bool measured_ = false;
  Time last_{};
};

}  // namespace parley::realtime

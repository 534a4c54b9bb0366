// Time in parley: microseconds on the clock of the input sound, and the seam that tests replace.
// Decisions never read a clock; they are given a Time. Only drivers (the conversation's strand,
// `ask`) hold a Clock.
// Thread:   Clock::Now is safe from any thread.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

namespace parley {

struct InputClock {  // names the time line; never read directly
  using duration = std::chrono::microseconds;
  using rep = duration::rep;
  using period = duration::period;
};

using Duration = std::chrono::microseconds;
using Time = std::chrono::time_point<InputClock, Duration>;
using std::chrono::milliseconds;

inline double Ms(Duration d) { return static_cast<double>(d.count()) / 1000.0; }
inline double Ms(Time t) { return Ms(t.time_since_epoch()); }

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time Now() const = 0;
};

// Monotonic time since construction.
class SteadyClock final : public Clock {
 public:
  Time Now() const override {
    return Time(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - start_));
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace parley

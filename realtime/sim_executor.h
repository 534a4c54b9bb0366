// The simulated clock: a list of closures ordered by time, which jumps from one to the next. A run
// is a function of what was posted, whatever the machine is doing meanwhile.
// Thread:   one thread; whoever calls Run is the strand.
// Memory:   one list entry a closure.
// Overload: pending() counts what waits; the poster bounds what it posts.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>
#include <utility>

#include "realtime/executor.h"

namespace parley::realtime {

class SimExecutor final : public Executor {
 public:
  Time Now() const override { return now_; }
  void Post(std::function<void()> work) override;
  TimerId At(Time when, std::function<void()> work) override;
  void Cancel(TimerId timer) override;

  // The closure that is running takes this long: the clock moves on, and what was due meanwhile
  // runs late, as it would behind a busy strand.
  void Charge(Duration cost);

  bool RunOne();              // false: nothing waits
  void RunUntil(Time until);  // everything due by then; the clock ends at `until` or later
  size_t pending() const { return queue_.size(); }

  // What still waits will not run. A closure may own what owns this executor (the end of a talk
  // does): whoever lets time end breaks the circle.
  void Drop();

 private:
  using Key = std::pair<Time, int64_t>;  // ties run in the order of posting

  Time now_{};
  int64_t next_ = 1;
  std::map<Key, std::function<void()>> queue_;
  std::unordered_map<int64_t, Time> due_;  // timer -> its key's time
};

}  // namespace parley::realtime

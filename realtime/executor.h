// Where a conversation runs: closures in order, one at a time, now or at a time. Two kinds: an Asio strand on the wall
// clock, and a simulated clock that jumps from event to event, so that a run is the same at any machine load.
// Thread:   Post and At may be called from any thread on the wall clock; closures run one at a time.
// Memory:   one queue entry a closure.
// Overload: the poster bounds what it posts (mailboxes); pending() counts what waits.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "common/clock.h"
#include "common/ids.h"

namespace parley::realtime {

using TimerId = Id<struct TimerTag>;

class Executor : public Clock {
 public:
  virtual void Post(std::function<void()> work) = 0;
  virtual TimerId At(Time when,
                     std::function<void()> work) = 0;  // in the past: as soon as possible
  virtual void Cancel(TimerId timer) = 0;              // no effect once it has run
};

}  // namespace parley::realtime

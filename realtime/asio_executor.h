// The wall clock: conversations on Asio strands over a few shared threads.
// Thread:   Post, At and Cancel may be called from any thread. Closures of one strand run one at a
//           time, in order; strands run beside each other.
// Memory:   one queue entry a closure, one timer an At.
// Overload: the poster bounds what it posts.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "realtime/executor.h"

namespace parley::realtime {

// The `talk` threads. A strand may outlive them: what is posted to it afterwards never runs.
class TalkThreads {
 public:
  explicit TalkThreads(int threads);
  ~TalkThreads();  // what was posted is run, timers are dropped
  TalkThreads(const TalkThreads&) = delete;
  TalkThreads& operator=(const TalkThreads&) = delete;

  std::shared_ptr<Executor> NewStrand();

 private:
  struct Context;
  std::shared_ptr<Context> context_;
};

}  // namespace parley::realtime

// How much of the page pool is promised: the larger of what each talk reserved and what it firmly holds, in sum.
// Thread:   any; one atomic number, so that Open answers at once on the caller's thread.
// Memory:   a few bytes.
// Overload: TryPromise refuses what the pool could not keep, and everything once Close has been called: its device is gone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

namespace parley::engine {

class Admission {
 public:
  explicit Admission(int32_t pages) : pages_(pages) {}
  bool TryPromise(int32_t pages) {
    if (closed()) return false;
    int32_t promised = promised_.load(std::memory_order_relaxed);
    do {
      if (pages > pages_ - promised) return false;
    } while (!promised_.compare_exchange_weak(promised, promised + pages));
    return true;
  }
  void Return(int32_t pages) { promised_.fetch_sub(pages); }
  int32_t promised() const { return promised_.load(std::memory_order_relaxed); }
  int32_t pages() const { return pages_; }
  void Close() { closed_.store(true, std::memory_order_relaxed); }
  bool closed() const { return closed_.load(std::memory_order_relaxed); }

 private:
  const int32_t pages_;
  std::atomic<int32_t> promised_ = 0;
  std::atomic<bool> closed_ = false;
};

}  // namespace parley::engine

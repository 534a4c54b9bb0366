// The pool's slices and its two ways of waiting.
// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/thread_pool.h"

#include <algorithm>
#include <chrono>

#include "common/check.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace parley::kernels::cpu {
namespace {

constexpr int kFieldBits = 20;
constexpr uint64_t kFieldMask = (1U << kFieldBits) - 1;
// Longer than the serial work between two operations of a step, far shorter than a scheduler's time slice.
constexpr std::chrono::microseconds kSpin{60};

int32_t SlicesOf(uint64_t ticket) {
  return static_cast<int32_t>(ticket >> kFieldBits & kFieldMask);
}
int32_t NextOf(uint64_t ticket) { return static_cast<int32_t>(ticket & kFieldMask); }
bool Open(uint64_t ticket) { return NextOf(ticket) < SlicesOf(ticket); }

void Pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// True when `ready` came true within the time that spinning is worth.
template <class Ready>
bool SpinFor(const Ready& ready) {
  const auto start = std::chrono::steady_clock::now();
  do {
    for (int i = 0; i < 64; ++i) {
      if (ready()) return true;
      Pause();
    }
  } while (std::chrono::steady_clock::now() - start < kSpin);
  return ready();
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  if (threads <= 0) threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  for (int i = 1; i < threads; ++i) {
    workers_.emplace_back([this, i](const std::stop_token& stop) { Work(stop, i); });
  }
}

ThreadPool::~ThreadPool() {
  for (std::jthread& w : workers_) w.request_stop();
  wake_.fetch_add(1);
  wake_.notify_all();
}

void ThreadPool::RunErased(int32_t slices, Call call, const void* fn) {
  PARLEY_CHECK(static_cast<uint64_t>(slices) + workers_.size() < kFieldMask, "too many slices");
  call_ = call;
  fn_ = fn;
  unfinished_.store(slices, std::memory_order_relaxed);
  ++generation_;
  ticket_.store(generation_ << (2 * kFieldBits) | static_cast<uint64_t>(slices) << kFieldBits,
                std::memory_order_release);
  wake_.fetch_add(1, std::memory_order_seq_cst);
  wake_.notify_all();  // a load when nobody sleeps
  Help(0);
  if (SpinFor([&] { return unfinished_.load(std::memory_order_acquire) == 0; })) return;
  for (int32_t left = unfinished_.load(std::memory_order_acquire); left != 0;
       left = unfinished_.load(std::memory_order_acquire)) {
    unfinished_.wait(left, std::memory_order_acquire);
  }
}

bool ThreadPool::Help(int worker) {
  bool helped = false;
  while (Open(ticket_.load(std::memory_order_relaxed))) {
    const uint64_t mine = ticket_.fetch_add(1, std::memory_order_acquire);
    if (!Open(mine)) break;
    call_(fn_, NextOf(mine), worker);
    helped = true;
    if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1) unfinished_.notify_one();
  }
  return helped;
}

void ThreadPool::Work(const std::stop_token& stop, int worker) {
  while (!stop.stop_requested()) {
    const uint32_t seen = wake_.load(std::memory_order_acquire);
    if (Help(worker)) continue;
    const bool found = SpinFor([&] { return wake_.load(std::memory_order_relaxed) != seen; });
    if (!found) wake_.wait(seen, std::memory_order_acquire);
  }
}

}  // namespace parley::kernels::cpu

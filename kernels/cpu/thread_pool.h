// Workers that help one thread through an operation cut into slices. Everyone, the caller included, takes the next
// slice from one counter, so a worker whose core is busy elsewhere simply takes fewer. A worker that finds nothing
// spins for some tens of microseconds (the gap between two operations of a step) and then sleeps in the kernel.
// Thread:   Run is called by one thread at a time; the pool joins its workers when it goes.
// Memory:   fixed at construction; Run allocates nothing.
// Overload: nothing queues: Run returns when its last slice is done.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <stop_token>
#include <thread>
#include <vector>

namespace parley::kernels::cpu {

class ThreadPool {
 public:
  explicit ThreadPool(int threads);  // the caller is one of them; 0: as many as there are cores
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // fn(slice, worker) for every slice in [0, slices); worker in [0, threads()), the caller is 0.
  template <class Fn>
  void Run(int32_t slices, const Fn& fn) {
    if (slices <= 1 || workers_.empty()) {
      for (int32_t i = 0; i < slices; ++i) fn(i, 0);
      return;
    }
    RunErased(
        slices,
        [](const void* f, int32_t slice, int worker) {
          (*static_cast<const Fn*>(f))(slice, worker);
        },
        &fn);
  }

 private:
  using Call = void (*)(const void* fn, int32_t slice, int worker);

  void RunErased(int32_t slices, Call call, const void* fn);
  bool Help(int worker);  // takes slices until none is left; false when there was none
  void Work(const std::stop_token& stop, int worker);

  // The job and its next slice in one word {generation:24, slices:20, next:20}: whoever takes a slice knows from the
  // same word that the job is still open, and the job cannot be replaced before that slice is done.
  alignas(64) std::atomic<uint64_t> ticket_{0};
  alignas(64) std::atomic<int32_t> unfinished_{0};
  alignas(64) std::atomic<uint32_t> wake_{0};  // sleepers wait for it to change
  Call call_ = nullptr;                        // written between jobs
  const void* fn_ = nullptr;
  uint64_t generation_ = 0;
  std::vector<std::jthread> workers_;
};

}  // namespace parley::kernels::cpu

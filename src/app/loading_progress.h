// How much of a replica's weights is on its devices, as a line on the terminal, or one for every quarter elsewhere.
// Thread:   any: the ranks of a model load at the same time.
// Memory:   a few bytes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <utility>

#include "fetch/report.h"

namespace parley::app {

class LoadingProgress {
 public:
  LoadingProgress(std::string what, int64_t total_bytes, std::FILE* out = stderr)
      : what_(std::move(what)), total_(total_bytes), console_(out) {}

  // Never shows the end: what is not counted (norms, biases) may still be on its way.
  void Add(int64_t bytes) {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    done_ = std::min(done_ + bytes, total_ - 1);
    Show(done_);
  }
  // What the device loads later is not this model's.
  void End() {
    const std::lock_guard lock(mutex_);
    if (std::exchange(ended_, true)) return;
    Show(total_);
  }

 private:
  void Show(int64_t done) {
    console_({.model = what_, .what = "weights", .done = done, .total = total_});
  }

  const std::string what_;
  const int64_t total_;
  std::mutex mutex_;
  int64_t done_ = 0;                // {mutex_}
  bool ended_ = false;              // {mutex_}
  fetch::ConsoleProgress console_;  // {mutex_}
};

}  // namespace parley::app

// What threads hand to one another: a bounded queue with a stated policy, a counter of what was
// lost, and a call that wakes a reader which sleeps somewhere else (a socket loop).
// Thread:   any number of writers and readers.
// Memory:   at most `capacity` values; a value that is dropped is destroyed outside the lock.
// Overload: kRejectNew refuses the new value, kDropOldest throws the oldest away; dropped() counts
//           both.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include "common/check.h"

namespace parley {

enum class WhenFull { kRejectNew, kDropOldest };

template <class T>
class Mailbox {
 public:
  // `wake` is called after each value that was taken in, by the writer, outside the lock.
  Mailbox(size_t capacity, WhenFull when_full, std::function<void()> wake = {})
      : capacity_(capacity), when_full_(when_full), wake_(std::move(wake)) {
    PARLEY_CHECK(capacity > 0, "a mailbox that holds nothing");
  }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // False: `value` was not taken in, because the box is full (kRejectNew, counted) or closed.
  bool Push(T value) {
    std::optional<T> oldest;  // destroyed after the lock is gone
    {
      std::lock_guard lock(mutex_);
      if (closed_) return false;
      if (values_.size() == capacity_) {
        ++dropped_;
        if (when_full_ == WhenFull::kRejectNew) return false;
        oldest.emplace(std::move(values_.front()));
        values_.pop_front();
      }
      values_.push_back(std::move(value));
    }
    ready_.notify_one();
    if (wake_) wake_();
    return true;
  }

  std::optional<T> TryPop() {
    std::lock_guard lock(mutex_);
    return TakeFront();
  }

  // Waits for a value. Nothing: `stop` was requested, or the box is closed and empty.
  std::optional<T> Pop(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    if (!ready_.wait(lock, stop, [this] { return closed_ || !values_.empty(); })) return {};
    return TakeFront();
  }

  // The same, but gives up at `deadline`.
  std::optional<T> PopUntil(std::stop_token stop, std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    ready_.wait_until(lock, stop, deadline, [this] { return closed_ || !values_.empty(); });
    if (stop.stop_requested()) return {};
    return TakeFront();
  }

  // Refuses all further values; those inside can still be taken. Wakes everyone who waits.
  void Close() {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
    }
    ready_.notify_all();
    if (wake_) wake_();
  }

  size_t size() const {
    std::lock_guard lock(mutex_);
    return values_.size();
  }
  int64_t dropped() const {
    std::lock_guard lock(mutex_);
    return dropped_;
  }
  size_t capacity() const { return capacity_; }

 private:
  std::optional<T> TakeFront() {  // {mutex_}
    if (values_.empty()) return {};
    std::optional<T> front(std::move(values_.front()));
    values_.pop_front();
    return front;
  }

  const size_t capacity_;
  const WhenFull when_full_;
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::condition_variable_any ready_;
  std::deque<T> values_;  // {mutex_}
  int64_t dropped_ = 0;   // {mutex_}
  bool closed_ = false;   // {mutex_}
};

}  // namespace parley

// What waits to be written to one peer. Any thread puts in, the network's thread takes out.
// Thread:   any.
// Memory:   at most `capacity` bytes, or one message.
// Overload: a message beyond that is refused and the box breaks: whoever owns the connection ends it,
//           because a peer that does not read must not grow us. Close frames always fit.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace parley::wire {

class Outbox {
 public:
  struct Message {
    std::string text;
    int64_t group = 0;
  };
  struct Closing {
    uint16_t code = 1000;
    std::string reason;
  };
  enum class Put { kTaken, kClosed, kFull };

  // `wake` is called when the box was idle and something has come, outside the lock.
  // `total` counts what waits in all boxes of a server.
  Outbox(size_t capacity, std::function<void()> wake,
         std::shared_ptr<std::atomic<int64_t>> total = nullptr)
      : capacity_(capacity), wake_(std::move(wake)), total_(std::move(total)) {}
  ~Outbox() { Resize(0); }

  Put Push(std::string text, int64_t group) {
    {
      const std::lock_guard lock(mutex_);
      if (closing_ || gone_) return Put::kClosed;
      if (bytes_ > 0 && bytes_ + text.size() > capacity_) return Put::kFull;
      Resize(bytes_ + text.size());
      messages_.push_back({std::move(text), group});
    }
    wake_();
    return Put::kTaken;
  }

  // Takes back what waits of a group other than 0; how many messages that were.
  size_t Drop(int64_t group) {
    const std::lock_guard lock(mutex_);
    size_t dropped = 0;
    for (auto m = messages_.begin(); m != messages_.end();) {
      if (group != 0 && m->group == group) {
        Resize(bytes_ - m->text.size());
        m = messages_.erase(m);
        ++dropped;
      } else {
        ++m;
      }
    }
    return dropped;
  }

  // What waits is still written, unless `now`.
  void Close(uint16_t code, std::string reason, bool now = false) {
    {
      const std::lock_guard lock(mutex_);
      if (closing_ || gone_) return;
      closing_ = Closing{code, std::move(reason)};
      if (now) {
        messages_.clear();
        Resize(0);
      }
    }
    wake_();
  }

  std::optional<Message> Take() {
    const std::lock_guard lock(mutex_);
    if (messages_.empty()) return std::nullopt;
    std::optional<Message> message(std::move(messages_.front()));
    messages_.pop_front();
    Resize(bytes_ - message->text.size());
    return message;
  }
  // Set once everything before it has been taken.
  std::optional<Closing> closing() const {
    const std::lock_guard lock(mutex_);
    return messages_.empty() ? closing_ : std::nullopt;
  }
  void PeerGone() {
    const std::lock_guard lock(mutex_);
    gone_ = true;
    messages_.clear();
    Resize(0);
  }
  bool gone() const {
    const std::lock_guard lock(mutex_);
    return gone_;
  }
  size_t bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  void Resize(size_t bytes) {  // {mutex_}
    if (total_ != nullptr) *total_ += static_cast<int64_t>(bytes) - static_cast<int64_t>(bytes_);
    bytes_ = bytes;
  }
  const size_t capacity_;
  const std::function<void()> wake_;
  const std::shared_ptr<std::atomic<int64_t>> total_;
  mutable std::mutex mutex_;
  std::deque<Message> messages_;    // {mutex_}
  size_t bytes_ = 0;                // {mutex_}
  std::optional<Closing> closing_;  // {mutex_}
  bool gone_ = false;               // {mutex_}
};

}  // namespace parley::wire

// A call into somebody else's library that may never return: it runs on a thread of its own, and
// whoever asks waits for so long and no longer. A call that is left goes on alone.
//
// Thread:   any.
// Memory:   a thread, and what the call holds, until it returns.
// Overload: whoever leaves calls counts them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

namespace parley::audio {

// What `call` returns; nothing when it has not after `limit`. Then, should it return after all,
// `too_late` gets the result on the call's thread.
template <class Call, class TooLate>
std::optional<std::invoke_result_t<Call&>> CallWithin(std::chrono::milliseconds limit, Call call,
                                                      TooLate too_late) {
  struct Shared {
    std::mutex mutex;
    std::condition_variable returned;
    std::optional<std::invoke_result_t<Call&>> result;  // {mutex}
    bool left = false;                                  // {mutex}
  };
  const auto shared = std::make_shared<Shared>();
  // Detached, since joining would be waiting for it.
  std::thread([shared, call = std::move(call), too_late = std::move(too_late)]() mutable {
    auto result = call();
    std::unique_lock lock(shared->mutex);
    if (shared->left) {
      lock.unlock();
      too_late(std::move(result));
      return;
    }
    shared->result = std::move(result);
    shared->returned.notify_all();
  }).detach();
  std::unique_lock lock(shared->mutex);
  shared->returned.wait_for(lock, limit, [&] { return shared->result.has_value(); });
  shared->left = !shared->result.has_value();
  return std::move(shared->result);
}

}  // namespace parley::audio

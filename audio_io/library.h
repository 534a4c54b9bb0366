// Calls into a sound library that may never return, because a sound server hangs or because a lock was
// left by a thread that died. The library is one for the whole program and not made for several
// threads, so what has been called and has not returned is remembered.
//
// Thread:   any; calls belong to one thread at a time.
// Memory:   what lost streams may still touch.
// Overload: streams that did not come back are counted in lost(); after kMostLost nothing more is
//           opened.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "audio_io/patient_call.h"
#include "common/result.h"

namespace parley::audio {

// The ALSA library tells a hundred lines about cards that are not there, on the standard error of
// whoever links it; it has no other switch that PortAudio's users can reach.
class QuietStderr {
 public:
  QuietStderr();
  ~QuietStderr();
  QuietStderr(const QuietStderr&) = delete;
  QuietStderr& operator=(const QuietStderr&) = delete;

 private:
  int saved_;
};

class Library {
 public:
  static constexpr size_t kMostLost = 8;

  explicit Library(std::chrono::milliseconds patience = std::chrono::seconds(10))
      : patience_(patience) {}

  // A call beside which nobody may call, of a Result or Status. One that does not return keeps the
  // library until it does; what it then brings goes to `too_late`.
  template <class Call, class TooLate>
  std::invoke_result_t<Call&> Alone(const std::string& what, Call call, TooLate too_late) {
    PARLEY_TRY_STATUS(Enter(what));
    const QuietStderr quiet;
    auto result = CallWithin(patience_, std::move(call), [this, too_late](auto late) {
      too_late(std::move(late));
      Leave();
    });
    if (!result.has_value()) return DoesNotAnswer(what);
    Leave();
    return *std::move(result);
  }

  // A call for one stream, of a Status. The stream is lost when it does not return: `held` is kept.
  template <class Call>
  Status ForStream(const std::string& what, std::chrono::milliseconds limit,
                   std::shared_ptr<void> held, Call call) {
    const QuietStderr quiet;
    auto result = CallWithin(limit, std::move(call), [](const Status&) {});
    if (result.has_value()) return *std::move(result);
    Lose(std::move(held));
    return DoesNotAnswer(what);
  }
  void Lose(std::shared_ptr<void> held);

  bool busy() const;    // a call of Alone has not returned
  size_t lost() const;  // streams

 private:
  static Error DoesNotAnswer(const std::string& what);
  Status Enter(const std::string& what);
  void Leave();

  const std::chrono::milliseconds patience_;
  mutable std::mutex mutex_;
  std::string inside_;                       // {mutex_} what Alone has called
  std::vector<std::shared_ptr<void>> lost_;  // {mutex_}
};

}  // namespace parley::audio

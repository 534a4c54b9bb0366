// How much of what was sent has been played, as far as that can be known without being told: sound
// plays as it comes and waits when nothing is there.
// Thread:   plain value; one owner.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/clock.h"

namespace parley::realtime {

class PlaybackClock {
 public:
  explicit PlaybackClock(int rate_hz) : rate_hz_(rate_hz) {}

  void Sent(Time now, int64_t samples) {
    drained_ = std::max(drained_, now) + ToDuration(samples);
    sent_ += samples;
  }
  int64_t Played(Time now) const {
    const Duration left = std::max(drained_ - now, Duration::zero());
    return sent_ - std::min(sent_, left.count() * rate_hz_ / 1'000'000);
  }
  Duration Ahead(Time now) const { return std::max(drained_ - now, Duration::zero()); }
  Time drained() const { return drained_; }
  int64_t sent() const { return sent_; }
  Duration ToDuration(int64_t samples) const { return Duration(samples * 1'000'000 / rate_hz_); }
  int64_t ToSamples(Duration d) const { return d.count() * rate_hz_ / 1'000'000; }

 private:
  int rate_hz_;
  int64_t sent_ = 0;
  Time drained_{};
};

}  // namespace parley::realtime

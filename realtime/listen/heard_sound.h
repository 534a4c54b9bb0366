// The sound that a talk has heard lately, addressed by its position since the start.
// Thread:   one owner.
// Memory:   at most twice `keep` samples; older ones are forgotten.
// Overload: a view that begins before what is kept begins where it can.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "common/clock.h"
#include "common/pcm.h"

namespace parley::realtime {

inline constexpr Time TimeOfSample(int64_t sample) {
  return Time(Duration(sample * 1'000'000 / kSampleRateHz));
}
inline constexpr int64_t SampleAt(Time t) {
  return t.time_since_epoch().count() * kSampleRateHz / 1'000'000;
}

class HeardSound {
 public:
  explicit HeardSound(int64_t keep) : keep_(keep) {}

  void Append(PcmView sound);
  PcmView View(int64_t begin, int64_t end) const;  // clamped; valid until the next Append
  int64_t end() const { return begin_ + static_cast<int64_t>(samples_.size()); }

  // The middle of the quietest 100 ms between two positions.
  int64_t QuietestPoint(int64_t begin, int64_t end) const;

 private:
  const int64_t keep_;
  int64_t begin_ = 0;  // position of samples_[0]
  std::vector<float> samples_;
};

}  // namespace parley::realtime

// SPDX-License-Identifier: Apache-2.0
#include "realtime/listen/heard_sound.h"

#include <algorithm>
#include <limits>

namespace parley::realtime {

void HeardSound::Append(PcmView sound) {
  samples_.insert(samples_.end(), sound.begin(), sound.end());
  const auto size = static_cast<int64_t>(samples_.size());
  if (size <= 2 * keep_) return;
  const int64_t drop = size - keep_;
  samples_.erase(samples_.begin(), samples_.begin() + drop);
  begin_ += drop;
}

PcmView HeardSound::View(int64_t begin, int64_t end_position) const {
  const int64_t last = std::clamp(end_position, begin_, end());
  const int64_t first = std::clamp(begin, begin_, last);
  return PcmView(samples_).subspan(static_cast<size_t>(first - begin_),
                                   static_cast<size_t>(last - first));
}

int64_t HeardSound::QuietestPoint(int64_t begin, int64_t end_position) const {
  constexpr int64_t kSpan = kSampleRateHz / 10;
  constexpr int64_t kHop = kSampleRateHz / 100;
  float least = std::numeric_limits<float>::infinity();
  int64_t best = begin;
  for (int64_t at = begin; at + kSpan <= end_position; at += kHop) {
    float energy = 0;
    for (const float s : View(at, at + kSpan)) energy += s * s;
    if (energy < least) {
      least = energy;
      best = at + kSpan / 2;
    }
  }
  return best;
}

}  // namespace parley::realtime

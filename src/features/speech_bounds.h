// Where the speech in a recording begins and ends, by a plain energy search over the whole of it.
// It is the ruler that latencies are measured with, so it shares nothing with the voice detector
// that it judges, and it looks at the future, which no detector can.
//
// Rule: levels of 10 ms frames above 150 Hz (below that real rooms rumble as loud as soft speech).
// Of the frames above -75 dBFS, the split into two classes of least variance within (Otsu) gives
// background and speech; the threshold is midway between their means, but 15 to 35 dB below the
// 95th percentile. Speech is where at least 3 frames in a row are above it. Where the two classes
// are less than 12 dB apart there is one kind of sound only: then it counts as speech if silence
// surrounds it, and as no speech otherwise. Both bounds are edges of frames: exact to 10 ms.
//
// Thread:   one thread at a time.
// Memory:   4 bytes for every 10 ms: 12 MB for 8 hours; the sound itself is not kept.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/pcm.h"
#include "features/loudness.h"

namespace parley::features {

struct SpeechBounds {
  int64_t first_sample = 0;
  int64_t last_sample = 0;  // still speech
  friend bool operator==(const SpeechBounds&, const SpeechBounds&) = default;
};

// Push the recording in any pieces, then ask. What is left of the last 10 ms is not searched.
class SpeechBoundsSearch {
 public:
  void Push(PcmView samples);
  std::optional<SpeechBounds> Find() const;

 private:
  double z1_ = 0.0;  // of the high-pass
  double z2_ = 0.0;
  std::vector<float> filtered_;
  LoudnessMeter meter_;
  std::vector<float> levels_;  // [frames] dBFS
};

std::optional<SpeechBounds> FindSpeech(PcmView recording);

}  // namespace parley::features

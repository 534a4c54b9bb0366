// Pitch of a voice, by autocorrelation: one estimate every 10 ms over a window of 40 ms.
// The shortest period whose normalised correlation comes within 10 % of the best one wins, which
// keeps a pure tone from being taken for an octave below; the peak is refined by a parabola.
// Thread:   one thread at a time.
// Memory:   one window, and a block of estimates that grows to the largest push.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "common/pcm.h"
#include "common/streaming_stage.h"

namespace parley::features {

struct Pitch {
  float hz = 0.0f;       // 0: no voice in this window
  float clarity = 0.0f;  // normalised correlation of the period that was found, 0 … 1
  friend bool operator==(const Pitch&, const Pitch&) = default;
};

class PitchTracker {
 public:
  using In = float;
  using Out = Pitch;
  static constexpr float kLowestHz = 60.0f;
  static constexpr float kHighestHz = 500.0f;

  PitchTracker();
  // Estimate k is of the samples 160 k … 160 k + 639.
  std::span<const Pitch> Push(PcmView samples);
  std::span<const Pitch> Flush();  // nothing: a part of a window has no estimate
  void Reset();

 private:
  std::vector<float> window_;  // at most one window
  std::vector<float> correlation_;
  std::vector<Pitch> estimates_;
};
static_assert(StreamingStage<PitchTracker>);

}  // namespace parley::features

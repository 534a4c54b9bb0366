// Pitch of a voice, by autocorrelation: one estimate every 10 ms over a window of 40 ms, of what lies between the hum
// of machines and the hiss of consonants.
// The shortest period whose normalised correlation comes within 10 % of the best one wins, which
// keeps a pure tone from being taken for an octave below; the peak is refined by a parabola.
// Thread:   one thread at a time.
// Memory:   one window, and a block of estimates that grows to the largest push.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
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
  // A filter of second order on a stream (direct form 2, transposed).
  struct Filter {
    float b0, b1, b2, a1, a2;
    float s1 = 0.0f, s2 = 0.0f;
    float operator()(float x) {
      const float y = b0 * x + s1;
      s1 = b1 * x - a1 * y + s2;
      s2 = b2 * x - a2 * y;
      return y;
    }
  };
  static Filter Butterworth(double hz, bool high_pass);

  std::array<Filter, 2> filters_;
  std::vector<float> window_;  // at most one window, filtered
  std::vector<float> correlation_;
  std::vector<Pitch> estimates_;
};
static_assert(StreamingStage<PitchTracker>);

}  // namespace parley::features

// Where the user's speech ended, turn by turn, by the plain energy search of features/speech_bounds.h: the ruler for
// voice to voice, which shares nothing with the detector that it judges.
// Sound goes in half a second late, so that the first syllable of the next turn never counts as the last of this one.
// Thread:   one caller.
// Memory:   half a second of sound and 4 bytes for every 10 ms of the turn in hand.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "common/pcm.h"
#include "features/speech_bounds.h"

namespace parley::app {

class SpeechRuler {
 public:
  void Push(PcmView sound);
  // The end of speech in what was pushed since the last call, in milliseconds of the input; and a fresh start.
  std::optional<double> NextTurn();
  std::optional<double> Finish();  // the same with the half second in hand

 private:
  static constexpr size_t kDelaySamples = kSampleRateHz / 2;
  std::optional<double> Find() const;

  std::deque<float> waiting_;
  features::SpeechBoundsSearch search_;
  int64_t searched_ = 0;  // samples given to this search
  int64_t before_ = 0;    // samples given to earlier ones
};

}  // namespace parley::app

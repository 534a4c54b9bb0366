// The last stage of the echo canceller: what is far quieter than the echo was is taken for the rest
// of that echo, and does not pass.
//
// A suppressor leaves digital silence with islands of speech in it, 25 to 40 dB below the echo. To an ear
// they are nothing; a voice detector that listens at any level hears somebody speak. Whoever
// interrupts is not that much quieter than the loudspeaker.
//
// Thread:   one thread at a time.
// Memory:   a few numbers.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "audio_io/echo_filter.h"

namespace parley::audio {

class EchoGate {
 public:
  // `echo_power`: of the echo in this block, mean of the squares. `active`: one may sound.
  void Process(bool active, double echo_power, std::span<float, kEchoBlock> sound);
  void Reset();

 private:
  double echo_ = 0, voice_ = 0;  // power, the loudest of late
  float gain_ = 1;
};

}  // namespace parley::audio

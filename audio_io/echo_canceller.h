// Takes what the loudspeaker plays out of what the microphone hears: a high-pass, the linear filter,
// the suppressor of what that leaves. 10 ms at a time; the result comes 10 ms later.
//
// Warm-up: until it has heard an answer for a while it cannot know the room, and the suppressor
// holds back more than it must while an echo may sound.
//
// Thread:   one thread at a time.
// Memory:   fixed at construction (0.4 MB); Process never allocates.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "audio_io/echo_filter.h"
#include "audio_io/echo_gate.h"
#include "audio_io/echo_suppressor.h"

namespace parley::audio {

class EchoCanceller {
 public:
  static constexpr size_t kDelay = EchoSuppressor::kDelay;  // samples

  // `far`: what was played while `near` was recorded, or a constant time before (at most 600 ms).
  void Process(EchoBlock near, EchoBlock far, std::span<float, kEchoBlock> out);
  void Reset();  // another room, or other devices

  bool warm() const { return warmth() >= 1; }
  bool active() const { return filter_.active(); }  // an echo may sound
  double delay_ms() const { return 10.0 * static_cast<double>(filter_.delay()); }
  // How much quieter the last two seconds of echo have become; 0 before there was one.
  double erle_db() const;

 private:
  float warmth() const;  // 0 … 1
  // What is below 80 Hz is no speech, and rooms hum there longer than any filter is.
  class HighPass {
   public:
    void Process(EchoBlock in, std::span<float, kEchoBlock> out);
    void Reset() { x1_ = x2_ = y1_ = y2_ = 0; }

   private:
    float x1_ = 0, x2_ = 0, y1_ = 0, y2_ = 0;
  };

  HighPass near_pass_, far_pass_;
  EchoFilter filter_;
  EchoSuppressor suppressor_;
  EchoGate gate_;
  double near_power_ = 0, out_power_ = 0;
};

}  // namespace parley::audio

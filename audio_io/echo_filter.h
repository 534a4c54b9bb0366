// The linear half of the echo canceller: what of the microphone's sound is the loudspeaker's, as a
// filter of 400 ms behind a delay of at most 600 ms that it finds by itself. A partitioned-block
// frequency-domain Kalman filter: beside each weight it keeps how unsure it is of it, so that it
// learns fast while it knows little, and stands still under a near voice, without a detector of
// double talk.
//
//   G. Enzner, P. Vary, "Frequency-domain adaptive Kalman filter for acoustic echo control" (2006);
//   F. Kuech et al., "State-space architecture of the partitioned-block-based acoustic echo
//   controller" (2014). Written from the formulae.
//
// Thread:   one thread at a time.
// Memory:   fixed at construction (0.4 MB).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <complex>
#include <cstdint>
#include <span>
#include <vector>

#include "audio_io/fft.h"

namespace parley::audio {

inline constexpr size_t kEchoBlock = 160;  // 10 ms at 16 kHz
using EchoBlock = std::span<const float, kEchoBlock>;

double Energy(EchoBlock block);  // the sum of its squares

class EchoFilter {
 public:
  static constexpr size_t kBins = kEchoBlock + 1;
  static constexpr size_t kPartitions = 40;  // 400 ms
  static constexpr size_t kMostDelay = 60;   // blocks
  static constexpr size_t kHeard = 150;      // blocks that a room goes on sounding

  EchoFilter();

  // What is left of `near` without the echo of `far` and what was before it.
  void Process(EchoBlock near, EchoBlock far, std::span<float, kEchoBlock> rest);
  std::span<const float, kEchoBlock> echo() const { return echo_; }  // of the last block
  // Power of what is left of the echo, as far as the filter knows its own mistakes; by bins of a
  // transform over 320 samples.
  std::span<const float, kBins> unsure() const { return unsure_; }
  // Far sound of a while ago can still be heard.
  bool active() const { return quiet_blocks_ < kHeard + delay_; }
  size_t delay() const { return delay_; }        // blocks, before the filter
  double heard_ms() const { return heard_ms_; }  // of far sound that it has learnt from
  void Reset();

 private:
  using Spectrum = std::vector<float>;  // real and imaginary parts apart, so that loops are wide
  struct Partition {
    Spectrum re, im;
    std::vector<float> doubt;  // variance of the weight
  };
  struct Far {
    Spectrum re, im, power;
  };
  Far& FarAt(size_t age) { return far_[(newest_ + far_.size() - age) % far_.size()]; }
  void Transform(EchoBlock now, std::array<float, kEchoBlock>& before);
  void TakeFar(EchoBlock far);
  void Weigh(EchoBlock near);
  void Estimate();
  void Learn();
  void Constrain(Partition& partition);
  void FindDelay();

  RealFft fft_;
  std::vector<Partition> weights_;
  std::vector<Far> far_;
  size_t newest_ = 0, delay_ = 0, next_constrained_ = 0;
  size_t quiet_blocks_ = 1'000'000;
  int64_t blocks_ = 0;
  double heard_ms_ = 0;
  std::array<float, kEchoBlock> far_before_{}, echo_{}, rest_{};
  std::array<float, kBins> unsure_{}, near_power_{};
  // Of all sound until the room is known; and the doubt that this is worth.
  std::array<float, kBins> near_energy_{}, far_energy_{}, prior_{};
  std::array<float, kEchoBlock> near_before_{};
  std::vector<float> time_;                            // 320
  std::vector<std::complex<float>> spectrum_, error_;  // bins
};

}  // namespace parley::audio

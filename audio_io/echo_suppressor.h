// The other half of the echo canceller: takes down, band by band, what a linear filter leaves of an
// echo (a loudspeaker that distorts, reverberation beyond the filter, a filter that still learns),
// and no more of a near voice than it must.
// Thread:   one thread at a time.
// Memory:   fixed at construction.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <complex>
#include <span>
#include <vector>

#include "audio_io/echo_filter.h"
#include "audio_io/fft.h"

namespace parley::audio {

class EchoSuppressor {
 public:
  static constexpr size_t kBins = EchoFilter::kBins;
  static constexpr size_t kDelay = kEchoBlock;  // samples by which the output comes later

  EchoSuppressor();

  // `rest` and `echo` of the filter, and what it knows of its mistakes. `active`: there is an echo;
  // `warmth`: from 0, where nobody knows the room, to 1.
  void Process(EchoBlock rest, EchoBlock echo, std::span<const float, kBins> unsure, bool active,
               float warmth, std::span<float, kEchoBlock> out);
  void Reset();

 private:
  void Gains(bool active, float warmth);

  RealFft fft_;
  std::vector<float> window_, time_;  // 320
  std::vector<std::complex<float>> rest_spectrum_, echo_spectrum_;
  std::array<float, kEchoBlock> rest_before_{}, echo_before_{}, overlap_{};
  std::array<float, kBins> leak_{};   // of the echo's power that the filter leaves
  std::array<float, kBins> late_{};   // power of echo that reverberates on
  std::array<float, kBins> trust_{};  // of what the filter says of itself that shows
  std::array<float, kBins> unsure_{};
  std::array<float, kBins> clean_{};  // power of the near voice a block ago
  std::array<float, kBins> gain_{};
};

}  // namespace parley::audio

// What Smart Turn was trained on, and therefore wants to see: the last 8 s of the turn, with zeros
// in front of a shorter one; scaled to zero mean and unit variance over all of that, zeros
// included; then Whisper's log-mel of 80 bins and 800 frames, bins first.
// Thread:   one thread at a time.
// Memory:   fixed at construction.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "common/pcm.h"
#include "features/log_mel.h"

namespace parley::nn {

class SmartTurnFeatures {
 public:
  static constexpr size_t kSamples = 8 * kSampleRateHz;
  static constexpr size_t kMels = features::kWhisperMels;
  static constexpr size_t kFrames = kSamples / features::kMelHop;

  SmartTurnFeatures();
  // Returns [kMels, kFrames], valid until the next call.
  std::span<const float> Compute(PcmView turn);

 private:
  features::LogMel mel_;
  std::vector<float> sound_;     // [kSamples]
  std::vector<float> by_frame_;  // [kFrames, kMels]
  std::vector<float> by_mel_;    // [kMels, kFrames]
};

}  // namespace parley::nn

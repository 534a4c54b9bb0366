// SPDX-License-Identifier: Apache-2.0
#include "bench/energy_voice.h"

#include <algorithm>

namespace parley::bench {
namespace {

constexpr float kBelowLoudestDb = 35.0F;
constexpr float kLeastDbfs = -55.0F;
constexpr int kHangover = 2;  // frames: about what a network hears into the end of a word

}  // namespace

Result<std::span<const float>> EnergyVoice::Push(PcmView samples) {
  probabilities_.clear();
  for (const float level : meter_.Push(samples)) {
    loudest_ = std::max(loudest_, level);
    if (level > std::max(kLeastDbfs, loudest_ - kBelowLoudestDb)) {
      hangover_ = kHangover;
      probabilities_.push_back(1.0F);
    } else {
      probabilities_.push_back(hangover_-- > 0 ? 1.0F : 0.0F);
      hangover_ = std::max(hangover_, 0);
    }
  }
  return std::span<const float>(probabilities_);
}

void EnergyVoice::Reset() {
  meter_.Reset();
  loudest_ = features::kSilenceDbfs;
  hangover_ = 0;
}

Result<std::unique_ptr<nn::VoiceActivity>> EnergyVoice::Another() const {
  return std::unique_ptr<nn::VoiceActivity>(std::make_unique<EnergyVoice>());
}

}  // namespace parley::bench

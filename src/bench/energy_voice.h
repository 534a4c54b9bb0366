// Voice activity by loudness alone, for sound that has no noise behind it (synthesised speech), on
// machines without a network runtime. A frame is voice when it is within 35 dB of the loudest frame
// so far and above -55 dBFS; two frames behind a voice still count as voice.
// Thread:   one thread at a time.
// Memory:   one frame and a block of probabilities.
// Overload: computes while it is pushed and queues nothing.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "features/loudness.h"
#include "nn/voice_activity.h"

namespace parley::bench {

class EnergyVoice final : public nn::VoiceActivity {
 public:
  EnergyVoice() : meter_(nn::kVoiceWindow) {}
  Result<std::span<const float>> Push(PcmView samples) override;
  void Reset() override;
  Result<std::unique_ptr<nn::VoiceActivity>> Another() const override;

 private:
  features::LoudnessMeter meter_;
  float loudest_ = features::kSilenceDbfs;
  int hangover_ = 0;
  std::vector<float> probabilities_;
};

}  // namespace parley::bench

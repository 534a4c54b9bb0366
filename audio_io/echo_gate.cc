// SPDX-License-Identifier: Apache-2.0
#include "audio_io/echo_gate.h"

#include <algorithm>

namespace parley::audio {
namespace {

constexpr double kAudible = 0.01;  // -20 dB to the echo
// Of power, a block. The echo's: 13 dB a second, slower than rooms. The voice's: its quiet sounds are
// up to 200 ms long.
constexpr double kEchoFalls = 0.97, kVoiceFalls = 0.8;
constexpr float kOpens = 1, kCloses = 0.2F;  // of the gain, a block

}  // namespace

void EchoGate::Reset() {
  echo_ = voice_ = 0;
  gain_ = 1;
}

void EchoGate::Process(bool active, double echo_power, std::span<float, kEchoBlock> sound) {
  echo_ = active ? std::max(echo_power, kEchoFalls * echo_) : 0;
  voice_ = std::max(Energy(sound) / kEchoBlock, kVoiceFalls * voice_);
  const float wanted = voice_ >= kAudible * echo_ ? 1.0F : 0.0F;
  const float before = gain_;
  gain_ += std::clamp(wanted - gain_, -kCloses, kOpens);
  for (size_t i = 0; i < kEchoBlock; ++i) {
    sound[i] *= before + (gain_ - before) * static_cast<float>(i + 1) / kEchoBlock;
  }
}

}  // namespace parley::audio

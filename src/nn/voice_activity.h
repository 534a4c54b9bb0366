// Is somebody speaking? One probability for every 32 ms of sound.
// Thread:   one thread at a time; one object for each conversation, because it remembers what it
//           has heard. Another() shares the weights.
// Memory:   a window, the network's state and a block of probabilities.
// Overload: computes while it is pushed (about 0.05 ms a window) and queues nothing.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>

#include "common/pcm.h"
#include "common/result.h"

namespace parley::nn {

inline constexpr int kVoiceWindow = 512;  // samples at 16 kHz: 32 ms

class VoiceActivity {
 public:
  virtual ~VoiceActivity() = default;
  // Any number of samples. Probability k since the start or the last Reset is of the samples
  // 512 k … 512 k + 511. The span is valid until the next call and may be empty.
  virtual Result<std::span<const float>> Push(PcmView samples) = 0;
  virtual void Reset() = 0;
  // A fresh one for another conversation.
  virtual Result<std::unique_ptr<VoiceActivity>> Another() const = 0;
};

// Silero's network, from silero_vad_openvino_16k.onnx.
Result<std::unique_ptr<VoiceActivity>> LoadSilero(const std::string& path);

}  // namespace parley::nn

// Has the speaker finished, or only paused? Asked once at every pause, about the sound of the turn.
// Thread:   one thread at a time.
// Memory:   8 s of sound and its features, fixed at construction; it remembers nothing of the sound.
// Overload: computes when it is asked (tens of milliseconds) and queues nothing.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "common/pcm.h"
#include "common/result.h"

namespace parley::nn {

class TurnEnd {
 public:
  virtual ~TurnEnd() = default;
  // The probability that the turn is over. `turn` is its sound up to now, with the silence that
  // made the detector ask; of more than 8 s the last are heard. Smart Turn was trained on turns that
  // end with some 0.2 s of silence. Between about 0.2 and 0.8 the int8 network is not to be trusted
  // to more than ±0.2: it amplifies rounding.
  virtual Result<float> Probability(PcmView turn) = 0;
  virtual Result<std::unique_ptr<TurnEnd>> Another() const = 0;
};

// Pipecat's Smart Turn v3, from smart-turn-v3.2-cpu.onnx.
Result<std::unique_ptr<TurnEnd>> LoadSmartTurn(const std::string& path, int threads = 1);

}  // namespace parley::nn

// Loudness in dBFS: 20 log10 of the root mean square, where a constant of 1.0 is 0 dBFS and a full
// sine is -3 dBFS. Digital silence is kSilenceDbfs.
// Thread:   one thread at a time.
// Memory:   a block of output levels that grows to the largest push.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "common/pcm.h"
#include "common/streaming_stage.h"

namespace parley::features {

inline constexpr float kSilenceDbfs = -120.0f;

float RmsDbfs(PcmView samples);
float AmplitudeOfDbfs(float dbfs);

// One level for each frame of `frame_samples`; a flush gives the level of what is left.
class LoudnessMeter {
 public:
  using In = float;
  using Out = float;

  explicit LoudnessMeter(int frame_samples = kSampleRateHz / 100);
  std::span<const float> Push(PcmView samples);
  std::span<const float> Flush();
  void Reset();

 private:
  int frame_samples_;
  int filled_ = 0;
  double energy_ = 0.0;  // of the frame that is being filled
  std::vector<float> levels_;
};
static_assert(StreamingStage<LoudnessMeter>);

}  // namespace parley::features

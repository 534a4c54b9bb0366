// What every 10 ms of sound are like: how loud, of what pitch, how much hiss, and whether tones stand
// still in them. What is said by the sound and not by the words is told from these.
// Thread:   one thread at a time.
// Memory:   2048 samples, and a block of frames that grows to the largest push.
// Overload: none: about 0.3 % of a core.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/pcm.h"
#include "common/streaming_stage.h"
#include "features/loudness.h"
#include "features/pitch.h"
#include "features/stft.h"

namespace parley::features {

inline constexpr int kSoundFrame = kSampleRateHz / 100;  // samples

struct SoundFrame {
  float level_dbfs = kSilenceDbfs;  // of its own 10 ms
  Pitch pitch;                      // of the 40 ms that begin with it
  // Power of 2 to 7.5 kHz over that of 100 Hz to 1 kHz, in the 32 ms that begin with it. A voice is
  // far below 0, a whisper near it.
  float hiss_db = 0.0F;
  // Two or more spectral peaks have stood at their frequency for 160 ms: music does that, and bells;
  // the overtones of a voice glide.
  bool tonal = false;
  friend bool operator==(const SoundFrame&, const SoundFrame&) = default;
};

class SoundFrames {
 public:
  using In = float;
  using Out = SoundFrame;

  SoundFrames();
  // Frame k is of the samples from 160 k on; it comes with sample 160 k + 639.
  std::span<const SoundFrame> Push(PcmView samples);
  std::span<const SoundFrame> Flush();  // nothing: a part of a window is no frame
  void Reset();

 private:
  float Hiss(std::span<const float> window);
  bool Tonal(std::span<const float> window);

  LoudnessMeter loudness_;
  PitchTracker pitch_;
  PowerSpectrum short_, long_;
  std::vector<float> sound_;   // the last samples, as many as the long window looks back on
  int64_t frame_ = 0;          // the next one
  std::vector<float> levels_;  // of frames to come
  std::vector<float> power_;
  std::vector<double> power_before_;  // running sum
  struct Peak {
    int age = 0;     // analyses; 0: no peak
    int origin = 0;  // the bin where it was first seen
  };
  std::vector<Peak> peaks_, older_peaks_;  // for each bin of the long window
  bool tonal_ = false;
  std::vector<SoundFrame> frames_;
};
static_assert(StreamingStage<SoundFrames>);

}  // namespace parley::features

// Log-mel features in both flavours: 80 bins (Whisper, Smart Turn) and 128 bins (Step-Audio).
//
// Frame t is centred on sample 160 t: Hann window of 400, power spectrum, Slaney filters, log10
// with floor 1e-10; then everything below (loudest value of all frames - 8) is lifted to that, and
// x becomes x / 4 + 1. The sound is taken as zero-padded to 160 samples a frame and is reflected at
// both of its ends. That one rule is Whisper's (padded to whatever the encoder is given) and, with
// StepAudioFrames, also Step-Audio's (479 zeros on the right, last frame dropped).
//
// Thread:   one thread at a time.
// Memory:   LogMel: fixed at construction. GrowingLogMel: 4 bytes × bins × frames, reserved at
//           construction.
// Overload: GrowingLogMel refuses samples beyond its frames and counts them in overruns().
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/pcm.h"
#include "features/mel_filters.h"
#include "features/stft.h"

namespace parley::features {

inline constexpr int kMelWindow = 400;  // samples
inline constexpr int kMelHop = 160;     // samples: 100 frames a second
inline constexpr int kWhisperMels = 80;
inline constexpr int kStepAudioMels = 128;

// Frames that hold all of n samples, without padding.
constexpr int MelFrames(int64_t samples) {
  return static_cast<int>((samples + kMelHop - 1) / kMelHop);
}
// Step-Audio pads with three hops less one sample and drops the last frame: ceil(n / 160) + 2.
constexpr int StepAudioFrames(int64_t samples) { return MelFrames(samples) + 2; }

class LogMel {
 public:
  explicit LogMel(int mels);
  int mels() const { return filters_.mels(); }

  // out: [frames, mels]. Samples beyond 160 × frames are not heard.
  void Compute(PcmView samples, int frames, std::span<float> out);

 private:
  friend class GrowingLogMel;
  // log10 of the mel powers of frame t of a sound of `length` samples of which the first
  // `samples.size()` are given (from sample `origin` on) and the rest are zeros.
  void Frame(PcmView samples, int64_t origin, int64_t length, int64_t t, std::span<float> out);

  PowerSpectrum spectrum_;
  MelFilters filters_;
  std::vector<float> frame_;  // [window]
  std::vector<float> power_;  // [bins]
};

// The same features of a sound that grows: every frame is computed once, when the samples under its
// window have come; only the last few, which look into the padding, are computed again each time.
class GrowingLogMel {
 public:
  GrowingLogMel(int mels, int max_frames);
  int mels() const { return mel_.mels(); }

  void Push(PcmView samples);
  int64_t samples() const { return samples_; }
  int64_t overruns() const { return overruns_; }

  // out: [frames, mels], equal to LogMel::Compute of all samples so far, bit for bit.
  // `frames` must hold them: MelFrames(samples()) or more; max_frames at most.
  void Compute(int frames, std::span<float> out);
  void Reset();

 private:
  LogMel mel_;
  int max_frames_;
  std::vector<float> log_mel_;  // [frames that are final, mels]
  std::vector<float> tail_;     // the last samples, as many as unfinished frames look back on
  int64_t tail_origin_ = 0;     // sample number of tail_[0]
  int64_t samples_ = 0;
  int64_t final_frames_ = 0;
  int64_t overruns_ = 0;
};

}  // namespace parley::features

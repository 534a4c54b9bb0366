// The three networks of a Piper voice (VITS), cut out of its one ONNX file while loading:
//   text:    phonemes -> how many frames each lasts, and mean and spread of its sound
//   flow:    a noisy draw from those, frame by frame -> latent frames
//   decoder: latent frames -> samples
// Flow and decoder see only a stretch of frames around what they make, so they run in windows of a
// fixed lengths, and the text is padded to one of a few lengths: after WarmUp no length is new to
// the runtime, and the windows put together equal one run over the whole clause.
// The noise is ours and comes from a seed: the same text sounds the same every time.
//
// Thread:   one thread at a time.
// Memory:   weights once; a clause holds 1.5 kB a frame (11.6 ms).
// Overload: computes when called, queues nothing; a clause has at most kLongestInput phonemes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/result.h"
#include "nn/network.h"

namespace parley::tts {

class PiperNet {
 public:
  static constexpr size_t kLongestInput = 256;  // phonemes with their pads: about 25 words

  struct Options {
    int threads = 1;
    nn::Precision text = nn::Precision::kF32;
    nn::Precision flow = nn::Precision::kF32;
    nn::Precision decoder = nn::Precision::kF32;
  };
  struct Style {
    float length_scale = 1;
    float noise_scale = 0;
    float noise_w = 0;
    uint64_t seed = 1;
  };

  static Result<std::unique_ptr<PiperNet>> Load(const std::string& onnx, const Options& options);

  Status WarmUp();  // runs every length once

  // A new clause; the one before is forgotten.
  Status Begin(std::span<const int64_t> ids, const Style& style);
  std::span<const int> frames_of_ids() const { return frames_of_ids_; }
  int frames() const { return static_cast<int>(id_of_frame_.size()); }
  int samples_per_frame() const { return samples_per_frame_; }

  // The end of the longest chunk that begins at `frame` and costs one run of the decoder;
  // `first`: the short one that is ready soonest.
  int EndOfChunk(int frame, bool first) const;
  // The samples of the frames [begin, end), as EndOfChunk gave them; call with rising frames.
  Status Render(int begin, int end, std::vector<float>& samples);

 private:
  explicit PiperNet(std::vector<std::unique_ptr<nn::Network>> parts);
  Status Flow(int frames);  // makes latent frames until there are that many
  void DrawNoisy(int frames);
  Result<nn::Output> RunText(std::span<const int64_t> ids, const Style& style);
  Result<nn::Output> RunFlow(std::span<const float> window, std::span<const float> mask);
  Result<nn::Output> RunDecoder(std::span<const float> window);  // of one of its two lengths

  std::unique_ptr<nn::Network> text_;
  std::unique_ptr<nn::Network> flow_;
  std::unique_ptr<nn::Network> first_decoder_;  // of the short window
  std::unique_ptr<nn::Network> decoder_;
  int samples_per_frame_ = 0;

  Style style_;
  uint64_t noise_state_ = 0;
  std::vector<int> frames_of_ids_;
  std::vector<int> id_of_frame_;
  std::vector<float> mean_;        // [channels, padded ids]
  std::vector<float> log_spread_;  // [channels, padded ids]
  size_t padded_ids_ = 0;
  std::vector<float> noisy_;   // [frames so far, channels]
  std::vector<float> latent_;  // [frames so far, channels]
  std::vector<float> window_;  // [channels, frames of the window]
  std::vector<float> mask_;
};

}  // namespace parley::tts

// Changes the sample rate of a mono stream, any rate to any rate (speexdsp).
// The output is on the time line of the input: sample k of it is at k × in / out samples of the
// input, so nothing is shifted; the filter only makes the output wait for delay_ms() of input.
// n samples in give ceil(n × out / in) samples out, after the flush.
//
// Thread:   one thread at a time.
// Memory:   the filter, and a block that grows to the largest push.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/streaming_stage.h"

struct SpeexResamplerState_;

namespace parley::audio {

class Resampler {
 public:
  using In = float;
  using Out = float;
  static constexpr int kLowestHz = 1000;
  static constexpr int kHighestHz = 768000;

  // Rates outside the limits are a bug of the caller, who has seen them in a file or a message.
  Resampler(int in_hz, int out_hz);
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;
  ~Resampler();

  std::span<const float> Push(std::span<const float> samples);
  std::span<const float> Flush();  // the rest; then as after Reset
  void Reset();

  int in_hz() const { return in_hz_; }
  int out_hz() const { return out_hz_; }
  double delay_ms() const;

 private:
  struct Free {
    void operator()(SpeexResamplerState_* state) const;
  };
  void Feed(std::span<const float> samples);  // appends to out_

  int in_hz_;
  int out_hz_;
  std::unique_ptr<SpeexResamplerState_, Free> state_;  // none when both rates are equal
  std::vector<float> out_;
  int64_t taken_ = 0;  // samples in since the start of the segment
  int64_t given_ = 0;  // samples out
};
static_assert(StreamingStage<Resampler>);

}  // namespace parley::audio

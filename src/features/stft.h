// Power spectrum of one frame: periodic Hann window, real transform, |X|². The home of kissfft.
// Thread:   one thread at a time (the transform has a work buffer); make one for each.
// Memory:   fixed at construction.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

struct kiss_fftr_state;

namespace parley::features {

class PowerSpectrum {
 public:
  explicit PowerSpectrum(int window);  // an even number of samples
  PowerSpectrum(PowerSpectrum&&) noexcept;
  PowerSpectrum& operator=(PowerSpectrum&&) noexcept;
  ~PowerSpectrum();

  int window() const { return static_cast<int>(hann_.size()); }
  int bins() const { return window() / 2 + 1; }

  // frame: [window] -> power: [bins]
  void Compute(std::span<const float> frame, std::span<float> power);

 private:
  struct Free {
    void operator()(kiss_fftr_state* plan) const;
  };
  std::unique_ptr<kiss_fftr_state, Free> plan_;
  std::vector<float> hann_;      // [window]
  std::vector<float> windowed_;  // [window]
  std::vector<float> spectrum_;  // [bins, re im]
};

}  // namespace parley::features

// Real Fourier transforms of one length, for the echo canceller.
// Thread:   one thread at a time.
// Memory:   fixed at construction.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <complex>
#include <memory>
#include <span>

struct kiss_fftr_state;

namespace parley::audio {

class RealFft {
 public:
  explicit RealFft(int size);  // even
  ~RealFft();

  size_t size() const { return size_; }
  size_t bins() const { return size_ / 2 + 1; }
  void Forward(std::span<const float> in, std::span<std::complex<float>> out) const;
  void Inverse(std::span<const std::complex<float>> in,
               std::span<float> out) const;  // 1 / size in it

 private:
  struct Free {
    void operator()(kiss_fftr_state* plan) const;
  };
  const size_t size_;
  std::unique_ptr<kiss_fftr_state, Free> forward_, inverse_;
};

}  // namespace parley::audio

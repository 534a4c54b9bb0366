// SPDX-License-Identifier: Apache-2.0
#include "audio_io/fft.h"

#include <kissfft/kiss_fftr.h>

#include "common/check.h"

namespace parley::audio {

static_assert(sizeof(kiss_fft_cpx) == 2 * sizeof(float), "kissfft must be the float build");

void RealFft::Free::operator()(kiss_fftr_state* plan) const { kiss_fftr_free(plan); }

RealFft::RealFft(int size)
    : size_(static_cast<size_t>(size)),
      forward_(kiss_fftr_alloc(size, 0, nullptr, nullptr)),
      inverse_(kiss_fftr_alloc(size, 1, nullptr, nullptr)) {
  PARLEY_CHECK(forward_ != nullptr && inverse_ != nullptr, "no Fourier transform of this length");
}
RealFft::~RealFft() = default;

void RealFft::Forward(std::span<const float> in, std::span<std::complex<float>> out) const {
  PARLEY_DCHECK(in.size() == size_ && out.size() == bins(), "sizes");
  kiss_fftr(forward_.get(), in.data(), reinterpret_cast<kiss_fft_cpx*>(out.data()));
}

void RealFft::Inverse(std::span<const std::complex<float>> in, std::span<float> out) const {
  PARLEY_DCHECK(in.size() == bins() && out.size() == size_, "sizes");
  kiss_fftri(inverse_.get(), reinterpret_cast<const kiss_fft_cpx*>(in.data()), out.data());
  const float scale = 1.0F / static_cast<float>(size_);
  for (float& x : out) x *= scale;
}

}  // namespace parley::audio

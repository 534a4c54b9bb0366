// SPDX-License-Identifier: Apache-2.0
#include "features/stft.h"

#include <kissfft/kiss_fftr.h>

#include <cmath>
#include <numbers>

#include "common/check.h"

namespace parley::features {

static_assert(sizeof(kiss_fft_cpx) == 2 * sizeof(float), "kissfft must be the float build");

void PowerSpectrum::Free::operator()(kiss_fftr_state* plan) const { kiss_fftr_free(plan); }

PowerSpectrum::PowerSpectrum(int window)
    : plan_(kiss_fftr_alloc(window, /*inverse_fft=*/0, nullptr, nullptr)),
      hann_(static_cast<size_t>(window)),
      windowed_(hann_.size()),
      spectrum_(2 * (hann_.size() / 2 + 1)) {
  PARLEY_CHECK(window > 0 && window % 2 == 0 && plan_ != nullptr, "a real transform is even");
  for (int i = 0; i < window; ++i) {
    hann_[static_cast<size_t>(i)] =
        static_cast<float>(0.5 - 0.5 * std::cos(2.0 * std::numbers::pi * i / window));
  }
}

PowerSpectrum::PowerSpectrum(PowerSpectrum&&) noexcept = default;
PowerSpectrum& PowerSpectrum::operator=(PowerSpectrum&&) noexcept = default;
PowerSpectrum::~PowerSpectrum() = default;

void PowerSpectrum::Compute(std::span<const float> frame, std::span<float> power) {
  PARLEY_DCHECK(frame.size() == hann_.size() && power.size() == hann_.size() / 2 + 1, "sizes");
  for (size_t i = 0; i < hann_.size(); ++i) windowed_[i] = frame[i] * hann_[i];
  kiss_fftr(plan_.get(), windowed_.data(), reinterpret_cast<kiss_fft_cpx*>(spectrum_.data()));
  for (size_t k = 0; k < power.size(); ++k) {
    power[k] = spectrum_[2 * k] * spectrum_[2 * k] + spectrum_[2 * k + 1] * spectrum_[2 * k + 1];
  }
}

}  // namespace parley::features

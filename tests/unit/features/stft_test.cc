// SPDX-License-Identifier: Apache-2.0
#include "features/stft.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <numbers>

#include "support/signals.h"

namespace parley::features {
namespace {

// The definition, in double.
std::vector<double> Definition(const std::vector<float>& frame) {
  const auto n = static_cast<int>(frame.size());
  std::vector<double> power;
  for (int k = 0; k <= n / 2; ++k) {
    std::complex<double> sum = 0;
    for (int i = 0; i < n; ++i) {
      const double hann = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * i / n);
      sum +=
          hann * frame[static_cast<size_t>(i)] * std::polar(1.0, -2 * std::numbers::pi * k * i / n);
    }
    power.push_back(std::norm(sum));
  }
  return power;
}

class PowerSpectrumOf : public ::testing::TestWithParam<int> {};

TEST_P(PowerSpectrumOf, EqualsTheDefinition) {
  const std::vector<float> frame = test::Noise(static_cast<size_t>(GetParam()), 0.5f, 7);
  PowerSpectrum spectrum(GetParam());
  std::vector<float> power(static_cast<size_t>(spectrum.bins()));
  spectrum.Compute(frame, power);
  const std::vector<double> expected = Definition(frame);
  double total = 0;
  for (const double p : expected) total += p;
  // Error of a float transform: a few epsilons of the norm of the frame, in amplitude.
  const double tolerance = 8 * 1.2e-7 * std::sqrt(total);
  for (size_t k = 0; k < power.size(); ++k) {
    EXPECT_NEAR(std::sqrt(power[k]), std::sqrt(expected[k]), tolerance) << "bin " << k;
  }
}

INSTANTIATE_TEST_SUITE_P(Windows, PowerSpectrumOf, ::testing::Values(2, 16, 30, 400, 512));

TEST(PowerSpectrum, PutsAToneInItsBin) {
  PowerSpectrum spectrum(400);
  std::vector<float> power(201);
  spectrum.Compute(test::Tone(2000, 400, 1.0), power);
  // Hann halves the amplitude, a sine has half its weight at either sign: (400 / 4)².
  EXPECT_NEAR(power[50], 1e4, 1.0);
  EXPECT_LT(power[53], 1e-3);
}

}  // namespace
}  // namespace parley::features

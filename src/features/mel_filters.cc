// SPDX-License-Identifier: Apache-2.0
#include "features/mel_filters.h"

#include <algorithm>
#include <cmath>

#include "common/check.h"

namespace parley::features {
namespace {

// The Slaney scale: linear below 1 kHz (3 mels in 200 Hz), logarithmic above (27 mels from 1 to
// 6.4 kHz).
constexpr double kBreakHz = 1000.0;
constexpr double kBreakMel = 15.0;
const double kLogStep = std::log(6.4) / 27.0;

double HzToMel(double hz) {
  return hz < kBreakHz ? 3.0 * hz / 200.0 : kBreakMel + std::log(hz / kBreakHz) / kLogStep;
}

double MelToHz(double mel) {
  return mel < kBreakMel ? 200.0 * mel / 3.0 : kBreakHz * std::exp(kLogStep * (mel - kBreakMel));
}

}  // namespace

MelFilters::MelFilters(int mels, int bins, int rate_hz) {
  PARLEY_CHECK(mels > 0 && bins > 1 && rate_hz > 0, "no filters");
  const double top_mel = HzToMel(rate_hz / 2.0);
  auto corner = [&](int i) { return MelToHz(top_mel * i / (mels + 1)); };
  for (int m = 0; m < mels; ++m) {
    const double low = corner(m);
    const double peak = corner(m + 1);
    const double high = corner(m + 2);
    const double area = 2.0 / (high - low);
    Row row{.first_bin = 0, .count = 0, .offset = static_cast<int>(weights_.size())};
    for (int k = 0; k < bins; ++k) {
      const double hz = k * (rate_hz / 2.0) / (bins - 1);
      const double weight = std::min((hz - low) / (peak - low), (high - hz) / (high - peak));
      if (weight <= 0.0) continue;
      if (row.count == 0) row.first_bin = k;
      ++row.count;
      weights_.push_back(static_cast<float>(weight * area));
    }
    rows_.push_back(row);
  }
}

void MelFilters::Apply(std::span<const float> power, std::span<float> mel) const {
  for (size_t m = 0; m < rows_.size(); ++m) {
    const Row& row = rows_[m];
    const float* weight = weights_.data() + row.offset;
    const float* bin = power.data() + row.first_bin;
    float sum = 0.0f;
    for (int k = 0; k < row.count; ++k) sum += weight[k] * bin[k];
    mel[m] = sum;
  }
}

float MelFilters::Weight(int mel, int bin) const {
  const Row& row = rows_[static_cast<size_t>(mel)];
  const int k = bin - row.first_bin;
  return k < 0 || k >= row.count
             ? 0.0f
             : weights_[static_cast<size_t>(row.offset) + static_cast<size_t>(k)];
}

}  // namespace parley::features

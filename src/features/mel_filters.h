// Triangular mel filters on the Slaney scale with Slaney area normalisation, 0 Hz to half the rate:
// the filters of Whisper and of Step-Audio.
// Thread:   const after construction.
// Memory:   only the non-zero weights, a few hundred floats.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

namespace parley::features {

class MelFilters {
 public:
  // mels: number of filters; bins: of the power spectrum, spanning 0 … rate_hz / 2.
  MelFilters(int mels, int bins, int rate_hz);

  int mels() const { return static_cast<int>(rows_.size()); }
  // power: [bins] -> mel: [mels]
  void Apply(std::span<const float> power, std::span<float> mel) const;
  // The weight of one filter at one bin; for tests and for other backends.
  float Weight(int mel, int bin) const;

 private:
  struct Row {
    int first_bin;
    int count;
    int offset;  // into weights_
  };
  std::vector<Row> rows_;
  std::vector<float> weights_;
};

}  // namespace parley::features

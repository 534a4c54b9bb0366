// f32 weights into the formats of files: rounding to f16 and bf16, and GGML's groups of 32 (q4_0, q4_1, q8_0). For
// conversion, for weights that an update has changed, and for tests.
// Thread:   any.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/backend.h"

namespace parley::weights {

// How a group's scale and minimum are chosen.
enum class GroupFit : uint8_t {
  kRange,  // the least and the greatest value are codes: as llama.cpp's reference quantisers, byte for byte
  kLeastSquares  // q4_1: the least squared error of a few; a fifth less of it than kRange has
};

// Whether these can weigh errors: finite and not negative.
bool IsImportance(std::span<const float> importance);

// Bytes of `values` in `format`. Grouped formats need a multiple of 32 values; kI8Row is not one of them.
// `importance`, of each place in a row (`values` are whole rows of so many): what a squared error there counts in
// kLeastSquares, of which only the ratios within a group matter. None, or none in a group: all count the same.
std::vector<std::byte> Quantize(std::span<const float> values, kernels::WeightFormat format,
                                GroupFit fit = GroupFit::kRange,
                                std::span<const float> importance = {});

}  // namespace parley::weights

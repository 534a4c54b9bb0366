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

// Bytes of `values` in `format`. Grouped formats need a multiple of 32 values; kI8Row is not one of them.
std::vector<std::byte> Quantize(std::span<const float> values, kernels::WeightFormat format,
                                GroupFit fit = GroupFit::kRange);

}  // namespace parley::weights

// f32 weights into the formats of files: rounding to f16 and bf16, and GGML's groups of 32 (q4_0, q4_1, q8_0), the
// same rounding as llama.cpp's reference quantisers. For conversion and tests.
// Thread:   any.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "kernels/backend.h"

namespace parley::weights {

// Bytes of `values` in `format`. Grouped formats need a multiple of 32 values; kI8Row is not one of them.
std::vector<std::byte> Quantize(std::span<const float> values, kernels::WeightFormat format);

}  // namespace parley::weights

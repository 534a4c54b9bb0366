// Weights of any format as f32, by the formulae of kernels/backend.h. Plain loops: for conversion, tests, and tensors
// that a model wants as f32 (norms, biases, tables).
// Thread:   any.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "common/result.h"
#include "weights/checkpoint.h"

namespace parley::weights {

// `out` must have room for every value. An int8 tensor without row scales is kUnsupported.
Status Dequantize(const TensorInfo& tensor, std::span<float> out);
Result<std::vector<float>> Dequantized(const TensorInfo& tensor);

}  // namespace parley::weights

// A checkpoint as safetensors: every tensor dequantised, in the layout of Hugging Face. A "llama" GGUF file gets the names
// of Hugging Face, its q and k rows back in half-split rotary order, and a config.json; other checkpoints keep their names.
// Thread:   one.
// Memory:   one tensor as f32 at a time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/result.h"
#include "weights/checkpoint.h"

namespace parley::weights {

// Rows of a q or k projection, [heads * head_dim, in], from GGML's interleaved rotary order to the half-split order of
// Hugging Face: within a head, row 2i goes to i and row 2i + 1 to i + head_dim / 2.
void UnpermuteRope(std::span<float> rows, int64_t heads, int64_t in);

// Writes `dir`/model.safetensors and, for GGUF, `dir`/config.json. `format`: kF32, kF16 or kBf16.
Status ConvertToSafetensors(const Checkpoint& from, const std::string& dir,
                            kernels::WeightFormat format);

}  // namespace parley::weights

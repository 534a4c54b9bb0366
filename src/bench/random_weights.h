// A decoder's checkpoint made of random numbers, in the shapes and formats of a real one: for benches on machines that
// have no model, and for sizes that nobody wants to download.
// Thread:   plain values.
// Memory:   owns the weights; a Decoder that was loaded from it does not need it any more.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "weights/checkpoint_table.h"

namespace parley::bench {

struct RandomDecoder {
  std::vector<std::unique_ptr<std::vector<std::byte>>> memory;
  std::unique_ptr<weights::CheckpointTable> checkpoint;
};

// "tiny" (2 layers, 64 wide) or "smollm2-135m": 4-bit weights as in its file, norms and the table in f32 and Q8_0.
// "step-audio-r1" or "step-audio-2-mini": bf16 as in theirs, made by a counter where they are loaded, with the first `layers`
// of their layers (0: all).
Result<RandomDecoder> MakeRandomDecoder(std::string_view geometry, int64_t layers = 0);

// The audio encoder and the adaptor of "step-audio-r1" or "step-audio-2-mini", likewise.
Result<RandomDecoder> MakeRandomEars(std::string_view geometry, int64_t layers = 0);

}  // namespace parley::bench

// A model as public weights and small updates over them: W + scale · B·A for the matrices that have one, for each update
// that has, and new rows for the tables that have some (the last update's). The sum is formed in f32 while loading and kept in groups of 32, as the engine reads
// them; every other tensor stays where it is, in the base's mapping.
//
// The update is a safetensors file: NAME.lora_a [rank, in], NAME.lora_b [out, rank], NAME.rows [n, in] with
// NAME.row_ids [n] (whole numbers), where NAME is the base's name of the tensor; NAME.importance [in] or nothing, which
// only rounding to 4 bits asks for (quantize.h); metadata "scale" (1 when absent) and "base_sha256" or nothing.
// Thread:   Open uses all cores for as long as it runs; the checkpoint is const.
// Memory:   the base's mapping, and the changed tensors in `merged`: 118 MB in q8_0 for 106 M weights.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "kernels/backend.h"
#include "weights/checkpoint.h"

namespace parley::weights {

// What stands in an update, without merging it: for `parley models`.
struct UpdateSummary {
  int64_t matrices = 0, rank = 0, rows = 0, values = 0;
};

// Nothing of an update may be left over: a name that the base does not have is an error. The summary is of all of them,
// its rank the greatest.
Result<std::unique_ptr<Checkpoint>> OpenUpdated(
    const std::string& base, const std::vector<std::string>& updates,
    kernels::WeightFormat merged = kernels::WeightFormat::kQ8_0, UpdateSummary* summary = nullptr);

}  // namespace parley::weights

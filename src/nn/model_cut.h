// Cuts a network into parts at named tensors, in memory.
// Only the .cc files of src/nn may include this: it shows the runtime's types.
// Thread:   plain functions; nobody else may hold the model that is being cut.
// Memory:   the parts share the weights of the original.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <openvino/core/model.hpp>
#include <span>
#include <vector>

#include "common/result.h"
#include "nn/network.h"

namespace parley::nn {

// Consumes `model`. May throw what the runtime throws: the caller stands at the border.
Result<std::vector<std::shared_ptr<ov::Model>>> CutModel(const std::shared_ptr<ov::Model>& model,
                                                         std::span<const Part> parts);

}  // namespace parley::nn

// Cuts a network in two at a named tensor, in memory.
// Only the .cc files of src/nn may include this: it shows the runtime's types.
// Thread:   plain functions; nobody else may hold the model that is being cut.
// Memory:   both halves share the weights of the original.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <openvino/core/model.hpp>
#include <string>

#include "common/result.h"

namespace parley::nn {

struct ModelHalves {
  std::shared_ptr<ov::Model> front;  // the original inputs that it needs -> [cut]
  std::shared_ptr<ov::Model> rear;   // [cut] and the other inputs it needs -> the original outputs
};

// Consumes `model`. May throw what the runtime throws: the caller stands at the border.
Result<ModelHalves> CutModel(std::shared_ptr<ov::Model> model, const std::string& cut);

}  // namespace parley::nn

// Rows that Encode left on the device for Append: audio as the decoder's own embeddings, in their order.
// Thread:   immutable; shared between the caller and the engine. Only the engine's thread reads the rows.
// Memory:   owns one tensor of the backend; a sequence keeps its embeddings alive as long as it holds their positions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "kernels/tensor.h"

namespace parley::engine {

class Embeddings {
 public:
  explicit Embeddings(kernels::Tensor rows) : rows_(std::move(rows)) {}
  const kernels::TensorView& rows() const { return rows_.view(); }  // [rows, hidden of the decoder]

 private:
  kernels::Tensor rows_;
};

}  // namespace parley::engine

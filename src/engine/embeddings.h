// Rows that Encode left on the device for Append: audio as the decoder's own embeddings, in their order.
// Thread:   immutable; shared between the caller and the engine. Only the engine's thread reads the rows.
// Memory:   shares one tensor of the backend; a sequence keeps its embeddings alive as long as it holds their positions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "kernels/tensor.h"

namespace parley::engine {

class Embeddings {
 public:
  explicit Embeddings(kernels::Tensor rows)
      : tensor_(std::make_shared<const kernels::Tensor>(std::move(rows))), rows_(tensor_->view()) {}
  // Rows of a tensor that others may hold too.
  Embeddings(std::shared_ptr<const kernels::Tensor> tensor, const kernels::TensorView& rows)
      : tensor_(std::move(tensor)), rows_(rows) {}
  // Some of them, in the same tensor.
  Embeddings(const Embeddings& all, int32_t first, int32_t count)
      : tensor_(all.tensor_), rows_(all.rows_.Rows(first, count)) {}
  const kernels::TensorView& rows() const { return rows_; }  // [rows, hidden of the decoder]

 private:
  std::shared_ptr<const kernels::Tensor> tensor_;
  kernels::TensorView rows_;
};

}  // namespace parley::engine

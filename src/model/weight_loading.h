// From a checkpoint to a backend: vectors become f32 rows, matrices that one product takes are stacked, convolutions
// are turned to the order that Backend::Conv1d reads.
// Thread:   while loading.
// Memory:   temporary f32 copies of vectors and convolutions; matrices are read from the mapping.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "kernels/backend.h"
#include "weights/checkpoint.h"

namespace parley::model {

// A norm's weight or a bias, as one row of f32.
Result<kernels::Tensor> LoadVector(kernels::Backend& backend, const weights::Checkpoint& checkpoint,
                                   std::string_view name, int32_t size);

// A table of plain numbers that is added, not multiplied (positions): [rows, cols] in f32.
Result<kernels::Tensor> LoadTable(kernels::Backend& backend, const weights::Checkpoint& checkpoint,
                                  std::string_view name, int32_t rows, int32_t cols);

struct MatrixRows {  // a matrix [out, in] of the checkpoint, by its name
  std::string name;
  int32_t out = 0;
};

// The share of a tensor-parallel rank: the rank-th of `ranks` equal pieces.
struct Slice {
  int32_t rank = 0;
  int32_t ranks = 1;
};
enum class SliceBy : uint8_t { kRows, kColumns };  // of each stacked matrix

// Matrices over the same input, stacked into one product in this order.
Result<kernels::WeightPtr> LoadMatrix(kernels::Backend& backend,
                                      const weights::Checkpoint& checkpoint,
                                      const std::vector<MatrixRows>& stacked, int32_t in,
                                      kernels::Storage storage, Slice slice = {},
                                      SliceBy by = SliceBy::kRows);

// Biases stacked like their matrices, cut as their rows are. An empty name stands for a part without bias: zeros.
Result<kernels::Tensor> LoadBias(kernels::Backend& backend, const weights::Checkpoint& checkpoint,
                                 const std::vector<MatrixRows>& stacked, Slice slice = {});

// A convolution [out, in, kernel], turned to [out, kernel * in] with the taps outer.
Result<kernels::WeightPtr> LoadConv(kernels::Backend& backend,
                                    const weights::Checkpoint& checkpoint, std::string_view name,
                                    int32_t out, int32_t in, int32_t kernel,
                                    kernels::Storage storage);

// The first of `keys` that the metadata has, as a count in [1, 2^30]; an error that lists what was looked for.
Result<int32_t> RequireCount(const weights::Checkpoint& checkpoint,
                             const std::vector<std::string>& keys);
Result<double> RequireNumber(const weights::Checkpoint& checkpoint,
                             const std::vector<std::string>& keys);
// Null when none is there.
const double* FindNumber(const weights::Checkpoint& checkpoint,
                         const std::vector<std::string>& keys);

}  // namespace parley::model

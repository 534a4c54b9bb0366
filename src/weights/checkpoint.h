// A checkpoint: named tensors with their shapes, mapped from one or several files. One interface over safetensors,
// GGUF and CTranslate2, so that the model loads every one of them by the same walk.
// Thread:   const after Open; safe to share.
// Memory:   files are mapped read-only; a TensorInfo points into the mapping and lives as long as the Checkpoint.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "kernels/backend.h"

namespace parley::weights {

struct TensorInfo {
  std::string name;
  std::vector<int64_t>
      shape;  // row-major, outermost first (as PyTorch prints it), whatever the file's own order
  kernels::WeightFormat format = kernels::WeightFormat::kF32;
  const void* data = nullptr;
  size_t bytes = 0;
  const float* row_scale = nullptr;  // kI8Row
  // Without data: values that a counter makes (kernels::WeightSource says which); no file has such a tensor.
  uint64_t random_seed = 0;
  float random_scale = 0.0F;
};

class Checkpoint {
 public:
  // Opens what stands at `path`: a .gguf file, a .safetensors file, a CTranslate2 model.bin, or a directory that
  // holds safetensors shards with or without an index, or a CTranslate2 model.
  static Result<std::unique_ptr<Checkpoint>> Open(const std::string& path);

  virtual ~Checkpoint() = default;
  virtual std::string_view format() const = 0;  // "gguf", "safetensors", "ctranslate2"
  virtual const std::vector<TensorInfo>& tensors() const = 0;
  virtual const TensorInfo* Find(std::string_view name) const = 0;  // null when absent

  // Metadata of the container: GGUF keys ("llama.block_count"), entries of config.json ("text_config.hidden_size").
  virtual const std::string* Text(std::string_view key) const = 0;
  virtual const double* Number(std::string_view key) const = 0;
  virtual const std::vector<std::string>* Texts(
      std::string_view key) const = 0;  // GGUF arrays of strings
  virtual const std::vector<double>* Numbers(
      std::string_view key) const = 0;  // GGUF arrays of numbers

  // The tensor, or an error that names it, what shape was found and what was expected, and the nearest name there is.
  // A dimension of -1 accepts any size.
  Result<const TensorInfo*> Require(std::string_view name, const std::vector<int64_t>& shape) const;
};

}  // namespace parley::weights

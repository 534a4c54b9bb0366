// Writes a safetensors file: the header is laid out first, then tensors are written in pieces of any size, so that a checkpoint larger than memory can be converted.
// Thread:   one.
// Memory:   the piece that is being written.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/result.h"
#include "kernels/backend.h"

namespace parley::weights {

struct TensorPlan {
  std::string name;
  std::vector<int64_t> shape;
  kernels::WeightFormat format = kernels::WeightFormat::kBf16;  // kF32, kF16 or kBf16
};

class SafetensorsWriter {
 public:
  // Writes the header to `path` + ".part"; Finish renames it, so that a half-written file never has the real name.
  static Result<SafetensorsWriter> Create(
      const std::string& path, std::vector<TensorPlan> tensors,
      const std::vector<std::pair<std::string, std::string>>& metadata = {});

  // The next values of the plan, in order, converted to their tensor's format; a call may stop anywhere inside a tensor
  // but not go past its end.
  Status Write(std::span<const float> values);
  Status Finish();

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  SafetensorsWriter() = default;

  std::string path_;
  std::vector<TensorPlan> tensors_;
  size_t next_ = 0;       // the tensor that is being written
  uint64_t written_ = 0;  // values of it
  std::unique_ptr<std::FILE, Closer> file_;
};

}  // namespace parley::weights

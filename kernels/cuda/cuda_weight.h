// A matrix on the GPU, in bf16 or in e4m3 with one scale a row; rows padded with zeros to a multiple of 16 values.
// Thread:   immutable once made.
// Memory:   device memory of its own; loading stages through two pinned blocks of 32 MiB, which several threads fill: the
//           model is never in host memory but for the file's pages, which the kernel may drop.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>

#include "common/check.h"
#include "common/result.h"
#include "kernels/backend.h"
#include "kernels/cuda/launch.h"

namespace parley::kernels::cuda {

class CudaWeight final : public Weight {
 public:
  CudaWeight(std::shared_ptr<void> memory, Matrix matrix, int32_t in, size_t bytes)
      : memory_(std::move(memory)), matrix_(matrix), in_(in), bytes_(bytes) {}
  int32_t out() const override { return matrix_.out; }
  int32_t in() const override { return in_; }
  size_t bytes() const override { return bytes_; }
  const Matrix& matrix() const { return matrix_; }  // its `in` is the padded one

  // The bias that products with this weight take, in bf16: made at the first one, since a bias does not change any more than a weight.
  struct Bias {
    const float* from = nullptr;
    std::shared_ptr<void> memory;
  };
  Bias& bias() const { return bias_; }

 private:
  std::shared_ptr<void> memory_;
  Matrix matrix_;
  int32_t in_;
  size_t bytes_;
  mutable Bias bias_;  // of the backend's thread
};

// Brings weights from the host to the device, one at a time.
inline const CudaWeight& Own(const Weight& w) {
  const auto* own = dynamic_cast<const CudaWeight*>(&w);
  PARLEY_CHECK(own != nullptr, "this weight was loaded by another backend");
  return *own;
}

class WeightLoader {
 public:
  static Result<std::unique_ptr<WeightLoader>> Make();
  virtual ~WeightLoader() = default;
  // An error names how many values are NaN or infinite, if any are.
  virtual Result<WeightPtr> Load(std::span<const WeightSource> stacked, Storage storage,
                                 cudaStream_t stream) = 0;
};

}  // namespace parley::kernels::cuda

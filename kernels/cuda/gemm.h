// Large products by cuBLASLt: out = x w^T, bf16 in, f32 sums, out in f32 or bf16. Plans are made once a shape and kept.
// Thread:   the backend's.
// Memory:   a workspace of 32 MiB and one plan a shape that was seen.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "common/result.h"
#include "kernels/cuda/launch.h"

namespace parley::kernels::cuda {

class Gemm {
 public:
  static Result<std::unique_ptr<Gemm>> Make();
  virtual ~Gemm() = default;
  // x and w are bf16; rows of x and out are 16-byte aligned. `choice`: which of the library's proposals, the first is what
  // it thinks best (benches try others).
  virtual Status Run(const Rows& x, const Matrix& w, const Rows& out, cudaStream_t stream,
                     int choice = 0) = 0;
};

}  // namespace parley::kernels::cuda

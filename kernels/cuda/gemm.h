// Large products by cuBLASLt: out = x w^T, bf16 in, f32 sums, out in f32 or bf16. The library's proposals are timed once for
// each weight shape and power of two of rows (its own first choice cost up to 10 % at R1's shapes on an H200), on memory that
// L2 does not hold; plans are made once a shape and kept. A bias and what
// the product is added to join in the same pass. What is fastest may differ from run to run, and with it the order of
// sums: results of the same bits twice are not promised here.
// Thread:   the backend's.
// Memory:   a workspace of 32 MiB, 128 MiB to write between timed runs, and one plan a shape that was seen.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "common/result.h"
#include "kernels/cuda/launch.h"

namespace parley::kernels::cuda {

// What joins a product on its way out.
struct Epilogue {
  const void* bias = nullptr;  // [out], of the type of out
  bool add = false;            // out += x w^T + bias, in f32
  // out = gelu(x w^T + bias), by tanh, with a bias, in bf16. It is off by less than 4.8e-4 from the one by erf, an eighth of
  // what rounding to bf16 does to a one.
  bool gelu = false;
};

class Gemm {
 public:
  static Result<std::unique_ptr<Gemm>> Make();
  virtual ~Gemm() = default;
  // x and w are bf16; rows of x and out are 16-byte aligned. A shape that is new may wait for the stream, and must not be
  // recorded.
  virtual Status Run(const Rows& x, const Matrix& w, const Rows& out, const Epilogue& epilogue,
                     cudaStream_t stream) = 0;
  Status Run(const Rows& x, const Matrix& w, const Rows& out, cudaStream_t stream) {
    return Run(x, w, out, {}, stream);
  }
  // The library's own order of its proposals, 0 the first; benches try them. kNotFound: there are no more.
  virtual Status RunProposal(const Rows& x, const Matrix& w, const Rows& out, cudaStream_t stream,
                             int choice) = 0;
};

}  // namespace parley::kernels::cuda

// What eight_rows.cu and stream_linear.cu tell their kernels: both stream weights and x through a ring of stages in shared memory.
// Included by these two only.
// Thread:   host code fills it in, a kernel reads it.
// Memory:   none of its own.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/cuda/launch.h"
#include "kernels/cuda/tensor_map.h"

namespace parley::kernels::cuda {

struct RingArgs {
  CUtensorMap w;  // boxes of `outputs` rows
  CUtensorMap x;  // boxes of all rows
  const float* row_scale;
  const float* bias;
  void* out;
  int64_t out_stride;
  int32_t rows;
  int32_t outs;
  int32_t outputs;  // of a block, at a time
  int32_t lumps;    // of so many outputs
  int32_t lines;    // of 128 bytes of a weight row, a block; one is a stage
  int32_t stages;
  int32_t pitch;  // from one row of x to the next, in the sums
  bool out_f32;
};

// False unless the operands are what these kernels take, of at most `most` rows.
inline bool TakeOperands(const Rows& x, const Matrix& w, const float* bias, bool swiglu,
                         const Rows& out, int32_t most, RingArgs& a) {
  const bool shaped = x.rows >= 1 && x.rows <= most && out.rows == x.rows && x.cols == w.in &&
                      w.in % 16 == 0 && w.out == (swiglu ? 2 : 1) * out.cols &&
                      x.type == Type::kBf16;
  const bool aligned = x.stride % 8 == 0 && reinterpret_cast<uintptr_t>(x.data) % 16 == 0 &&
                       reinterpret_cast<uintptr_t>(w.data) % 16 == 0;
  if (!shaped || !aligned) return false;
  a.row_scale = w.row_scale;
  a.bias = bias;
  a.out = out.data;
  a.out_stride = out.stride;
  a.rows = x.rows;
  a.outs = out.cols;
  a.out_f32 = out.type == Type::kF32;
  return true;
}

// The maps, once `outputs` is chosen.
inline cudaError_t MapOperands(const Rows& x, const Matrix& w, RingArgs& a) {
  const cudaError_t made = MapMatrix(w, a.outputs, &a.w);
  return made == cudaSuccess ? MapRows(x, x.rows, &a.x) : made;
}

}  // namespace parley::kernels::cuda

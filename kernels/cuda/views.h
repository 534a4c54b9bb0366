// Views of the backend as the launchers take them.
// Thread:   pure functions.
// Memory:   borrows.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/check.h"
#include "kernels/cuda/launch.h"
#include "kernels/tensor.h"

namespace parley::kernels::cuda {

inline Rows RowsOf(const TensorView& t) {
  PARLEY_CHECK(t.dtype == DType::kF32 || t.dtype == DType::kBf16,
               "cuda computes with f32 and bf16");
  return {.data = t.data,
          .type = t.dtype == DType::kF32 ? Type::kF32 : Type::kBf16,
          .rows = t.rows,
          .cols = t.cols,
          .stride = t.stride};
}

inline Rows PackedRows(void* data, int32_t rows, int32_t cols, Type type = Type::kF32) {
  return {.data = data, .type = type, .rows = rows, .cols = cols, .stride = cols};
}

// Whether cuBLASLt can write these rows.
inline bool ForLibrary(const Rows& x) {
  return x.stride % 8 == 0 && reinterpret_cast<uintptr_t>(x.data) % 16 == 0;
}

// A norm's weight or a bias: one row of f32, or absent.
inline const float* VectorOf(const TensorView& t, int32_t cols) {
  if (t.empty()) return nullptr;
  PARLEY_CHECK(t.dtype == DType::kF32 && t.rows == 1 && t.cols == cols,
               "a vector is one row of f32");
  return t.F32();
}

}  // namespace parley::kernels::cuda

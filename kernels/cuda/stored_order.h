// The order in which 16 e4m3 values of a weight row stand in memory: the four bytes that a lane loads as a word are then the two
// pairs that it gives to a product (narrow_products_inl.h), with no exchange between lanes. Made when weights are quantised; only
// the kernels of this folder see it.
// Thread:   pure function.
// Memory:   none.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

namespace parley::kernels::cuda {

// Where value `k` of a row stands. Word t holds 2 t, 2 t + 1, 2 t + 8, 2 t + 9.
__host__ __device__ inline int StoredPlace(int k) {
  return (k & ~15) | (k & 6) << 1 | (k >> 3 & 1) << 1 | (k & 1);
}

}  // namespace parley::kernels::cuda

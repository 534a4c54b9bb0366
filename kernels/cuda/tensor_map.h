// What the tensor memory accelerator needs to know of a tensor in device memory.
// Thread:   any.
// Memory:   none; a map goes to a kernel by value, as a __grid_constant__.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda.h>
#include <cuda_runtime_api.h>

#include <cstdint>
#include <span>

#include "kernels/cuda/launch.h"

namespace parley::kernels::cuda {

// Of bf16. Dimensions from the innermost, whose values are neighbours; `stride` of the others in elements, multiples of 8; `data`
// at a multiple of 16 bytes. A box of `box` values is copied at once into rows of 64 that are swapped about as
// warpgroup_inl.h says: box[0] is 64. cudaErrorInvalidValue: not such a tensor; cudaErrorNotSupported: an old driver.
cudaError_t MakeTensorMap(const void* data, std::span<const uint64_t> size,
                          std::span<const int64_t> stride, std::span<const uint32_t> box,
                          CUtensorMap* map);

// Of bf16 rows, or of a matrix (two e4m3 stand for one bf16): boxes of 64 bf16 of `box_rows` rows.
cudaError_t MapRows(const Rows& rows, int32_t box_rows, CUtensorMap* map);
cudaError_t MapMatrix(const Matrix& m, int32_t box_rows, CUtensorMap* map);

}  // namespace parley::kernels::cuda

// Where a position of a sequence stands in the paged cache, on the device.
// Thread:   device code.
// Memory:   borrows.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/cuda/device_inl.h"
#include "kernels/cuda/launch.h"

namespace parley::kernels::cuda {

// Element offset of the 16 slots of a page for one head; part 0 is K, 1 is V.
__device__ inline int64_t PageOffset(const Cache& cache, int32_t page, int32_t part, int32_t head) {
  return page * cache.page_stride + cache.layer_offset +
         (static_cast<int64_t>(part) * cache.kv_heads + head) * kPage * cache.head_dim;
}
__device__ inline int64_t SlotOffset(const Cache& cache, const Tables& tables, int32_t row,
                                     int32_t position, int32_t part, int32_t head) {
  const int32_t page =
      tables.page_table[static_cast<int64_t>(tables.row_seq[row]) * tables.max_pages +
                        position / kPage];
  return PageOffset(cache, page, part, head) + position % kPage * cache.head_dim;
}
__device__ inline float LoadCache(const Cache& cache, int64_t at) {
  return cache.type == Type::kF32 ? static_cast<const float*>(cache.memory)[at]
                                  : ToF32(static_cast<const __nv_bfloat16*>(cache.memory)[at]);
}
__device__ inline void StoreCache(const Cache& cache, int64_t at, float v) {
  if (cache.type == Type::kF32) {
    static_cast<float*>(cache.memory)[at] = v;
  } else {
    static_cast<__nv_bfloat16*>(cache.memory)[at] = FromF32<__nv_bfloat16>(v);
  }
}

}  // namespace parley::kernels::cuda

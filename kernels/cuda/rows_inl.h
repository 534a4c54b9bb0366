// Values of a Rows on the device, whatever their type: one, or four at once where everything is aligned to four.
// Thread:   device code.
// Memory:   borrows.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/cuda/device_inl.h"
#include "kernels/cuda/launch.h"

namespace parley::kernels::cuda {

__device__ inline float Load(const Rows& x, int64_t row, int32_t col) {
  const int64_t at = row * x.stride + col;
  return x.type == Type::kF32 ? static_cast<const float*>(x.data)[at]
                              : ToF32(static_cast<const __nv_bfloat16*>(x.data)[at]);
}
__device__ inline void Store(const Rows& x, int64_t row, int32_t col, float v) {
  const int64_t at = row * x.stride + col;
  if (x.type == Type::kF32) {
    static_cast<float*>(x.data)[at] = v;
  } else {
    static_cast<__nv_bfloat16*>(x.data)[at] = FromF32<__nv_bfloat16>(v);
  }
}
__device__ inline float4 Load4(const Rows& x, int64_t row, int32_t col) {
  const int64_t at = row * x.stride + col;
  if (x.type == Type::kF32)
    return *reinterpret_cast<const float4*>(static_cast<const float*>(x.data) + at);
  const uint2 p = *reinterpret_cast<const uint2*>(static_cast<const __nv_bfloat16*>(x.data) + at);
  return {__uint_as_float(p.x << 16), __uint_as_float(p.x & 0xFFFF0000U),
          __uint_as_float(p.y << 16), __uint_as_float(p.y & 0xFFFF0000U)};
}
__device__ inline void Store4(const Rows& x, int64_t row, int32_t col, const float4& v) {
  const int64_t at = row * x.stride + col;
  if (x.type == Type::kF32) {
    *reinterpret_cast<float4*>(static_cast<float*>(x.data) + at) = v;
  } else {
    *reinterpret_cast<uint2*>(static_cast<__nv_bfloat16*>(x.data) + at) = {PackBf16(v.x, v.y),
                                                                           PackBf16(v.z, v.w)};
  }
}

// Eight values of bf16 rows that are InEights.
__device__ inline void StoreEight(const Rows& x, int64_t row, int32_t col, const uint4& eight) {
  *reinterpret_cast<uint4*>(static_cast<__nv_bfloat16*>(x.data) + row * x.stride + col) = eight;
}

inline bool InEights(const Rows& x) {
  return x.type == Type::kBf16 && x.cols % 8 == 0 && x.stride % 8 == 0 &&
         reinterpret_cast<uintptr_t>(x.data) % 16 == 0;
}
inline bool InFours(const Rows& x) {
  const uintptr_t bytes = x.type == Type::kF32 ? 16 : 8;
  return x.data == nullptr ||
         (x.cols % 4 == 0 && x.stride % 4 == 0 && reinterpret_cast<uintptr_t>(x.data) % bytes == 0);
}
inline bool InFours(const float* x) { return reinterpret_cast<uintptr_t>(x) % 16 == 0; }
inline bool SameShape(const Rows& a, const Rows& b) { return a.rows == b.rows && a.cols == b.cols; }

}  // namespace parley::kernels::cuda

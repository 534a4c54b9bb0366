// What every kernel file needs on the device: conversions, 16-byte loads, asynchronous copies, one tensor-core product,
// sums over a warp, and the two instructions of programmatic dependent launch. Included by .cu files only.
// Thread:   device code.
// Memory:   registers.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

namespace parley::kernels::cuda {

inline constexpr int kWarp = 32;

// ---- dependent launch -----------------------------------------------------------------------------------------------
// Every kernel lets its successor start early and waits for its predecessor before it touches what that one wrote (or
// still reads). A kernel that returned without waiting would let the one after it overtake the one before it.
__device__ inline void LetNextStart() {
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
}
__device__ inline void WaitForPrevious() { asm volatile("griddepcontrol.wait;" ::: "memory"); }

// One of the four words of a piece, by a number that the compiler knows.
__device__ inline uint32_t Word(const uint4& v, int i) {
  return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w;
}

// ---- conversions ----------------------------------------------------------------------------------------------------
__device__ inline float ToF32(float v) { return v; }
__device__ inline float ToF32(__nv_bfloat16 v) { return __bfloat162float(v); }
template <class T>
__device__ inline T FromF32(float v);
template <>
__device__ inline float FromF32<float>(float v) {
  return v;
}
template <>
__device__ inline __nv_bfloat16 FromF32<__nv_bfloat16>(float v) {
  return __float2bfloat16_rn(v);
}
__device__ inline uint32_t PackBf16(float low, float high) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<const uint32_t*>(&pair);
}

// Four e4m3 bytes as two pairs of bf16 with the values' exponents 120 too low: the exponent's and mantissa's bits only
// move, subnormals included. `even` holds bytes 0 and 2, `odd` bytes 1 and 3. Whoever multiplies puts 2^120 back.
__device__ inline void UnpackE4m3(uint32_t four, uint32_t& even, uint32_t& odd) {
  const uint32_t shifted = four << 8;
  even = ((shifted & 0x7F007F00U) >> 4) | (shifted & 0x80008000U);
  odd = ((four & 0x7F007F00U) >> 4) | (four & 0x80008000U);
}

// Four e4m3 bytes as two pairs of f16, exactly.
__device__ __forceinline__ void HalvesOfE4m3(uint32_t four, uint32_t& low, uint32_t& high) {
  asm("{\n"
      ".reg .b16 first, second;\n"
      "mov.b32 {first, second}, %2;\n"
      "cvt.rn.f16x2.e4m3x2 %0, first;\n"
      "cvt.rn.f16x2.e4m3x2 %1, second;\n"
      "}"
      : "=r"(low), "=r"(high)
      : "r"(four));
}

// silu(gate) * up
__device__ inline float SwiGluOf(float gate, float up) {
  return gate / (1.0F + __expf(-gate)) * up;
}

// ---- memory ---------------------------------------------------------------------------------------------------------
__device__ inline uint4 LoadStreaming(const void* p) {  // read once: do not keep in L1
  uint4 v;
  asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(p));
  return v;
}
// Value `at` of f32 or of bf16.
__device__ inline void StoreAs(bool f32, void* out, int64_t at, float v) {
  if (f32) {
    static_cast<float*>(out)[at] = v;
  } else {
    static_cast<__nv_bfloat16*>(out)[at] = __float2bfloat16_rn(v);
  }
}
__device__ inline uint32_t SharedAddress(const void* p) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(p));
}
// 16 bytes from global to shared memory; zeros when `valid` is false (`from` must be readable all the same).
__device__ inline void CopyAsync16(uint32_t to, const void* from, bool valid) {
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(to), "l"(from),
               "r"(valid ? 16 : 0)
               : "memory");
}
__device__ inline void CommitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int kPending>
__device__ inline void WaitCopies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

// ---- the tensor core ------------------------------------------------------------------------------------------------
// c[16 x 8] += a[16 x 16] b[16 x 8], bf16 in, f32 sums. Lane = 4 g + t holds of a rows g and g + 8, of b column g, of
// c rows g and g + 8 and columns 2 t and 2 t + 1.
__device__ inline void Mma(float (&c)[4], uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3,
                           uint32_t b0, uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

// The same of f16.
__device__ inline void MmaHalf(float (&c)[4], uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3,
                               uint32_t b0, uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

// ---- sums -----------------------------------------------------------------------------------------------------------
__device__ inline float WarpSum(float v) {
#pragma unroll
  for (int offset = kWarp / 2; offset > 0; offset /= 2) v += __shfl_xor_sync(~0U, v, offset);
  return v;
}
__device__ inline float WarpMax(float v) {
#pragma unroll
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    v = fmaxf(v, __shfl_xor_sync(~0U, v, offset));
  }
  return v;
}
// Of a whole block of at most 1024 threads; `room` holds 33 floats. Every thread gets the sum.
__device__ inline float BlockSum(float v, float* room) {
  v = WarpSum(v);
  __syncthreads();  // the last use of `room` is over
  if (threadIdx.x % kWarp == 0) room[threadIdx.x / kWarp] = v;
  __syncthreads();
  const int warps = (static_cast<int>(blockDim.x) + kWarp - 1) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  return WarpSum(lane < warps ? room[lane] : 0.0F);
}

}  // namespace parley::kernels::cuda

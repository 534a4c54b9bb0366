// Operations that look at one value, one pair or one row at a time. Each is a loop over (row, four columns) where
// everything is aligned to four, else over single values; the formulae are the reference's.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/cuda/launch_inl.h"
#include "kernels/cuda/rows_inl.h"
#include "kernels/cuda/stored_order.h"

namespace parley::kernels::cuda {
namespace {

constexpr int kThreads = 256;

// f(row, column) for every value of [rows, cols], or f(row, first of four columns).
template <int kAtOnce, class F>
__global__ void __launch_bounds__(kThreads) EachKernel(int32_t rows, int32_t cols, F f) {
  LetNextStart();
  WaitForPrevious();
  const int32_t columns = cols / kAtOnce;
  const int64_t count = static_cast<int64_t>(rows) * columns;
  if (count <
      INT32_MAX - 132 * 8 * kThreads) {  // a division of 64 bits costs more than most operations
    for (auto i = static_cast<uint32_t>(blockIdx.x * kThreads + threadIdx.x); i < count;
         i += gridDim.x * kThreads) {
      const uint32_t row = i / static_cast<uint32_t>(columns);
      f(static_cast<int32_t>(row),
        static_cast<int32_t>(i - row * static_cast<uint32_t>(columns)) * kAtOnce);
    }
    return;
  }
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < count;
       i += static_cast<int64_t>(gridDim.x) * kThreads) {
    const auto row = static_cast<int32_t>(i / columns);
    f(row, static_cast<int32_t>(i - static_cast<int64_t>(row) * columns) * kAtOnce);
  }
}

template <int kAtOnce, class F>
cudaError_t Each(int32_t rows, int32_t cols, F f, cudaStream_t stream) {
  if (rows < 1 || cols < 1) return cudaErrorInvalidValue;
  const int64_t count = static_cast<int64_t>(rows) * (cols / kAtOnce);
  const int64_t blocks = std::min<int64_t>((count + kThreads - 1) / kThreads, 132 * 8);
  return LaunchDependent(EachKernel<kAtOnce, F>, dim3(static_cast<unsigned>(blocks)),
                         dim3(kThreads), 0, stream, rows, cols, f);
}

struct AddOne {
  Rows x, delta;
  __device__ void operator()(int32_t r, int32_t c) const {
    Store(x, r, c, Load(x, r, c) + Load(delta, delta.rows == 1 ? 0 : r, c));
  }
};
struct AddFour {
  Rows x, delta;
  __device__ void operator()(int32_t r, int32_t c) const {
    const float4 a = Load4(x, r, c);
    const float4 b = Load4(delta, delta.rows == 1 ? 0 : r, c);
    Store4(x, r, c, {a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w});
  }
};
struct CopyOne {
  Rows x, out;
  __device__ void operator()(int32_t r, int32_t c) const { Store(out, r, c, Load(x, r, c)); }
};
struct CopyFour {
  Rows x, out;
  __device__ void operator()(int32_t r, int32_t c) const { Store4(out, r, c, Load4(x, r, c)); }
};
struct GatherOne {
  Rows x;
  const int32_t* rows;
  Rows out;
  __device__ void operator()(int32_t r, int32_t c) const { Store(out, r, c, Load(x, rows[r], c)); }
};
struct SwiGluOne {
  Rows gate_up, out;
  __device__ void operator()(int32_t r, int32_t c) const {
    Store(out, r, c, SwiGluOf(Load(gate_up, r, c), Load(gate_up, r, out.cols + c)));
  }
};
struct SwiGluFour {
  Rows gate_up, out;
  __device__ void operator()(int32_t r, int32_t c) const {
    const float4 g = Load4(gate_up, r, c);
    const float4 u = Load4(gate_up, r, out.cols + c);
    Store4(out, r, c,
           {SwiGluOf(g.x, u.x), SwiGluOf(g.y, u.y), SwiGluOf(g.z, u.z), SwiGluOf(g.w, u.w)});
  }
};
// Eight values of bf16 a thread.
__global__ void __launch_bounds__(kThreads) SwiGluRowKernel(Rows gate_up, Rows out) {
  LetNextStart();
  WaitForPrevious();
  const int c = 8 * static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  if (c >= out.cols) return;
  const int64_t row = blockIdx.y;
  const auto* from = static_cast<const __nv_bfloat16*>(gate_up.data) + row * gate_up.stride + c;
  const auto gate = *reinterpret_cast<const uint4*>(from);
  const auto up = *reinterpret_cast<const uint4*>(from + out.cols);
  const auto two = [](uint32_t g, uint32_t u) {
    return PackBf16(SwiGluOf(__uint_as_float(g << 16), __uint_as_float(u << 16)),
                    SwiGluOf(__uint_as_float(g & 0xFFFF0000U), __uint_as_float(u & 0xFFFF0000U)));
  };
  *reinterpret_cast<uint4*>(static_cast<__nv_bfloat16*>(out.data) + row * out.stride + c) = {
      two(gate.x, up.x), two(gate.y, up.y), two(gate.z, up.z), two(gate.w, up.w)};
}
// Exact, that is by erf.
struct GeluOne {
  Rows x;
  __device__ void operator()(int32_t r, int32_t c) const {
    const float v = Load(x, r, c);
    Store(x, r, c, 0.5F * v * erfcf(-v * 0.70710678118654752F));
  }
};
// The same by Abramowitz and Stegun 7.1.26, which is within 1.5e-7 of erfc: a sixth of erfcf's instructions.
__device__ inline float GeluOf(float v) {
  const float z = fabsf(v) * 0.70710678118654752F;
  const float u = __fdividef(1.0F, 1.0F + 0.3275911F * z);
  const float erfc =
      u *
      (0.254829592F +
       u * (-0.284496736F + u * (1.421413741F + u * (-1.453152027F + u * 1.061405429F)))) *
      __expf(-z * z);
  return 0.5F * v * (v > 0.0F ? 2.0F - erfc : erfc);
}
// A block a row, eight values of bf16 a thread at a time: no division, and few blocks that wait for memory alone.
__global__ void __launch_bounds__(kThreads) GeluRowKernel(Rows x) {
  LetNextStart();
  WaitForPrevious();
  auto* row = static_cast<__nv_bfloat16*>(x.data) + static_cast<int64_t>(blockIdx.x) * x.stride;
  for (int c = 8 * static_cast<int>(threadIdx.x); c < x.cols; c += 8 * kThreads) {
    auto* at = reinterpret_cast<uint4*>(row + c);
    const uint4 v = *at;
    const auto two = [](uint32_t pair) {
      return PackBf16(GeluOf(__uint_as_float(pair << 16)),
                      GeluOf(__uint_as_float(pair & 0xFFFF0000U)));
    };
    *at = {two(v.x), two(v.y), two(v.z), two(v.w)};
  }
}
struct GeluFour {
  Rows x;
  __device__ void operator()(int32_t r, int32_t c) const {
    const float4 v = Load4(x, r, c);
    Store4(x, r, c, {GeluOf(v.x), GeluOf(v.y), GeluOf(v.z), GeluOf(v.w)});
  }
};
struct ReluOne {
  Rows x;
  __device__ void operator()(int32_t r, int32_t c) const {
    const float v = Load(x, r, c);
    Store(x, r, c, v > 0.0F ? v : 0.0F);
  }
};
struct PoolOne {
  Rows x, out;
  __device__ void operator()(int32_t r, int32_t c) const {
    Store(out, r, c,
          0.5F * (Load(x, 2 * static_cast<int64_t>(r), c) +
                  Load(x, 2 * static_cast<int64_t>(r) + 1, c)));
  }
};
struct PoolFour {
  Rows x, out;
  __device__ void operator()(int32_t r, int32_t c) const {
    const float4 a = Load4(x, 2 * static_cast<int64_t>(r), c);
    const float4 b = Load4(x, 2 * static_cast<int64_t>(r) + 1, c);
    Store4(out, r, c,
           {0.5F * (a.x + b.x), 0.5F * (a.y + b.y), 0.5F * (a.z + b.z), 0.5F * (a.w + b.w)});
  }
};
struct EmbedOne {
  Matrix table;
  const int32_t* ids;
  Rows out;
  __device__ void operator()(int32_t r, int32_t c) const {
    const int64_t row = static_cast<int64_t>(ids[r]) * table.in;
    float v = 0.0F;
    if (table.fp8) {
      uint32_t even = 0;
      uint32_t odd = 0;
      UnpackE4m3(static_cast<const uint8_t*>(table.data)[row + StoredPlace(c)], even, odd);
      v = __uint_as_float(even << 16) * 0x1p120F * table.row_scale[ids[r]];
    } else {
      v = ToF32(static_cast<const __nv_bfloat16*>(table.data)[row + c]);
    }
    Store(out, r, c, v);
  }
};
struct WindowOne {
  Rows x;
  int32_t step, pad;
  Rows out;
  __device__ void operator()(int32_t r, int32_t c) const {
    const int32_t frame = r * step - pad + c / x.cols;
    Store(out, r, c, frame >= 0 && frame < x.rows ? Load(x, frame, c % x.cols) : 0.0F);
  }
};
struct WindowFour {  // cols of x are fours
  Rows x;
  int32_t step, pad;
  Rows out;
  __device__ void operator()(int32_t r, int32_t c) const {
    const int32_t tap = c / x.cols;
    const int32_t frame = r * step - pad + tap;
    const bool inside = frame >= 0 && frame < x.rows;
    Store4(out, r, c, inside ? Load4(x, frame, c - tap * x.cols) : float4{});
  }
};

// The k largest of a row, one after the other: k is small where this is used (the reference's order, NaN last).
__device__ inline uint64_t KeyOf(float v, int32_t col) {
  // Larger values first, then lower columns; NaN below everything.
  uint32_t bits = __float_as_uint(v == 0.0F ? 0.0F : v);
  bits = (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
  if (v != v) bits = 0;
  return static_cast<uint64_t>(bits) << 32 | (0xFFFFFFFFU - static_cast<uint32_t>(col));
}
__global__ void __launch_bounds__(1024)
    TopKKernel(Rows logits, int32_t k, int32_t* ids, float* values) {
  __shared__ uint64_t best[32];
  LetNextStart();
  WaitForPrevious();
  const int row = static_cast<int>(blockIdx.x);
  uint64_t below = ~uint64_t{0};
  for (int32_t i = 0; i < k; ++i) {
    uint64_t most = 0;
    for (int32_t c = static_cast<int32_t>(threadIdx.x); c < logits.cols;
         c += static_cast<int32_t>(blockDim.x)) {
      const uint64_t key = KeyOf(Load(logits, row, c), c);
      if (key < below && key > most) most = key;
    }
    for (int offset = 16; offset > 0; offset /= 2) {
      const uint64_t other = __shfl_xor_sync(~0U, most, offset);
      most = other > most ? other : most;
    }
    if (threadIdx.x % kWarp == 0) best[threadIdx.x / kWarp] = most;
    __syncthreads();
    for (int w = 0; w < static_cast<int>(blockDim.x) / kWarp; ++w) {
      most = best[w] > most ? best[w] : most;
    }
    below = most;
    if (threadIdx.x == 0) {
      const auto col = static_cast<int32_t>(0xFFFFFFFFU - static_cast<uint32_t>(most));
      ids[static_cast<int64_t>(row) * k + i] = col;
      values[static_cast<int64_t>(row) * k + i] = Load(logits, row, col);
    }
    __syncthreads();
  }
}

constexpr int32_t kMostGridRows = 65536;

}  // namespace

cudaError_t LaunchAdd(const Rows& x, const Rows& delta, cudaStream_t stream) {
  if (delta.cols != x.cols || (delta.rows != 1 && delta.rows != x.rows))
    return cudaErrorInvalidValue;
  if (InFours(x) && InFours(delta)) return Each<4>(x.rows, x.cols, AddFour{x, delta}, stream);
  return Each<1>(x.rows, x.cols, AddOne{x, delta}, stream);
}

cudaError_t LaunchCopy(const Rows& x, const Rows& out, cudaStream_t stream) {
  if (!SameShape(x, out)) return cudaErrorInvalidValue;
  if (InFours(x) && InFours(out)) return Each<4>(x.rows, x.cols, CopyFour{x, out}, stream);
  return Each<1>(x.rows, x.cols, CopyOne{x, out}, stream);
}

cudaError_t LaunchGather(const Rows& x, const int32_t* rows, const Rows& out, cudaStream_t stream) {
  if (x.cols != out.cols) return cudaErrorInvalidValue;
  return Each<1>(out.rows, out.cols, GatherOne{x, rows, out}, stream);
}

cudaError_t LaunchSwiGlu(const Rows& gate_up, const Rows& out, cudaStream_t stream) {
  if (gate_up.rows != out.rows || gate_up.cols != 2 * out.cols) return cudaErrorInvalidValue;
  if (InEights(gate_up) && InEights(out) && out.rows > 0 && out.rows < kMostGridRows) {
    const dim3 grid(static_cast<unsigned>((out.cols / 8 + kThreads - 1) / kThreads),
                    static_cast<unsigned>(out.rows));
    return LaunchDependent(SwiGluRowKernel, grid, dim3(kThreads), 0, stream, gate_up, out);
  }
  if (InFours(gate_up) && InFours(out)) {
    return Each<4>(out.rows, out.cols, SwiGluFour{gate_up, out}, stream);
  }
  return Each<1>(out.rows, out.cols, SwiGluOne{gate_up, out}, stream);
}

cudaError_t LaunchGelu(const Rows& x, cudaStream_t stream) {
  if (InEights(x) && x.rows > 0) {
    return LaunchDependent(GeluRowKernel, dim3(static_cast<unsigned>(x.rows)), dim3(kThreads), 0,
                           stream, x);
  }
  if (InFours(x)) return Each<4>(x.rows, x.cols, GeluFour{x}, stream);
  return Each<1>(x.rows, x.cols, GeluOne{x}, stream);
}

cudaError_t LaunchRelu(const Rows& x, cudaStream_t stream) {
  return Each<1>(x.rows, x.cols, ReluOne{x}, stream);
}

cudaError_t LaunchAvgPool2(const Rows& x, const Rows& out, cudaStream_t stream) {
  if (out.rows != x.rows / 2 || out.cols != x.cols) return cudaErrorInvalidValue;
  if (out.rows == 0) return cudaSuccess;
  if (InFours(x) && InFours(out)) return Each<4>(out.rows, out.cols, PoolFour{x, out}, stream);
  return Each<1>(out.rows, out.cols, PoolOne{x, out}, stream);
}

cudaError_t LaunchEmbed(const Matrix& table, const int32_t* ids, const Rows& out,
                        cudaStream_t stream) {
  if (table.in < out.cols) return cudaErrorInvalidValue;
  return Each<1>(out.rows, out.cols, EmbedOne{table, ids, out}, stream);
}

cudaError_t LaunchWindows(const Rows& x, int32_t kernel, int32_t step, int32_t pad, const Rows& out,
                          cudaStream_t stream) {
  if (out.cols != kernel * x.cols || step < 1) return cudaErrorInvalidValue;
  if (InFours(x) && InFours(out)) {
    return Each<4>(out.rows, out.cols, WindowFour{x, step, pad, out}, stream);
  }
  return Each<1>(out.rows, out.cols, WindowOne{x, step, pad, out}, stream);
}

cudaError_t LaunchTopK(const Rows& logits, int32_t k, int32_t* ids, float* values,
                       cudaStream_t stream) {
  if (logits.rows < 1 || k < 1 || k > logits.cols) return cudaErrorInvalidValue;
  return LaunchDependent(TopKKernel, dim3(static_cast<unsigned>(logits.rows)), dim3(1024), 0,
                         stream, logits, k, ids, values);
}

}  // namespace parley::kernels::cuda

// Plain memory and the checks of shapes.
// SPDX-License-Identifier: Apache-2.0
#include "kernels/host.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>

namespace parley::kernels::host {

namespace {

#if defined(__SANITIZE_ADDRESS__)  // which watches the edges of what malloc gives
constexpr size_t kOwnPages = std::numeric_limits<size_t>::max();
#else
constexpr size_t kOwnPages = size_t{1} << 20;
#endif

// Pages fresh from the kernel are zero and take no memory before somebody writes to them: a state made for the longest
// input costs what its inputs need. A memset would touch them all.
std::shared_ptr<void> ZeroedPages(size_t bytes) {
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  PARLEY_CHECK(data != MAP_FAILED, "no memory for a tensor");
  return {data, [bytes](void* p) { munmap(p, bytes); }};
}

std::shared_ptr<void> Zeroed(size_t bytes) {
  if (bytes >= kOwnPages) return ZeroedPages(bytes);
  void* data = std::aligned_alloc(64, bytes);
  PARLEY_CHECK(data != nullptr, "no memory for a tensor");
  std::memset(data, 0, bytes);
  return {data, std::free};
}

}  // namespace

Tensor HostTensor(DType dtype, int32_t rows, int32_t cols) {
  PARLEY_CHECK(rows >= 0 && cols >= 0, "a tensor of negative size");
  const size_t bytes = static_cast<size_t>(rows) * static_cast<size_t>(cols) * SizeOf(dtype);
  std::shared_ptr<void> memory = Zeroed((bytes / 64 + 1) * 64);
  const TensorView view{
      .data = memory.get(), .dtype = dtype, .rows = rows, .cols = cols, .stride = cols};
  return Tensor(view, std::move(memory));
}

float ReadElement(const TensorView& t, int32_t row, int32_t col) {
  const ptrdiff_t i = static_cast<ptrdiff_t>(row) * t.stride + col;
  switch (t.dtype) {
    case DType::kF32:
      return static_cast<const float*>(t.data)[i];
    case DType::kBf16:
      return ToFloat(static_cast<const Bf16*>(t.data)[i]);
    case DType::kF16:
      return HalfToFloat(static_cast<const uint16_t*>(t.data)[i]);
    case DType::kI32:
    case DType::kI8:
      break;
  }
  PARLEY_CHECK(false, "not a tensor of floats");
}

void WriteElement(const TensorView& t, int32_t row, int32_t col, float v) {
  const ptrdiff_t i = static_cast<ptrdiff_t>(row) * t.stride + col;
  switch (t.dtype) {
    case DType::kF32:
      static_cast<float*>(t.data)[i] = v;
      return;
    case DType::kBf16:
      static_cast<Bf16*>(t.data)[i] = ToBf16(v);
      return;
    case DType::kF16:
      static_cast<uint16_t*>(t.data)[i] = FloatToHalf(v);
      return;
    case DType::kI32:
    case DType::kI8:
      break;
  }
  PARLEY_CHECK(false, "not a tensor of floats");
}

void Upload(std::span<const float> from, const TensorView& to) {
  PARLEY_CHECK(from.size() == static_cast<size_t>(to.rows) * static_cast<size_t>(to.cols),
               "Upload: sizes differ");
  size_t i = 0;
  for (int32_t r = 0; r < to.rows; ++r) {
    if (to.dtype == DType::kF32) {
      std::copy_n(from.data() + i, to.cols, to.F32(r));
      i += static_cast<size_t>(to.cols);
      continue;
    }
    for (int32_t c = 0; c < to.cols; ++c) WriteElement(to, r, c, from[i++]);
  }
}

void Download(const TensorView& from, std::span<float> to) {
  PARLEY_CHECK(to.size() == static_cast<size_t>(from.rows) * static_cast<size_t>(from.cols),
               "Download: sizes differ");
  size_t i = 0;
  for (int32_t r = 0; r < from.rows; ++r) {
    if (from.dtype == DType::kF32) {
      std::copy_n(from.F32(r), from.cols, to.data() + i);
      i += static_cast<size_t>(from.cols);
      continue;
    }
    for (int32_t c = 0; c < from.cols; ++c) to[i++] = ReadElement(from, r, c);
  }
}

void CopyPage(const KvPool& pool, int32_t from, int32_t to) {
  PARLEY_CHECK(from >= 0 && from < pool.pages && to >= 0 && to < pool.pages, "no such page");
  if (from == to) return;
  const size_t bytes = pool.geometry.page_bytes();
  auto* base = static_cast<char*>(pool.memory.get());
  std::memcpy(base + static_cast<size_t>(to) * bytes, base + static_cast<size_t>(from) * bytes,
              bytes);
}

Status CheckKv(const KvGeometry& g, int32_t pages) {
  if (g.layers <= 0 || g.kv_heads <= 0 || g.head_dim <= 0 || pages <= 0) {
    return Fail(Code::kInvalidArgument,
                "a cache of " + std::to_string(pages) + " pages, " + std::to_string(g.layers) +
                    " layers, " + std::to_string(g.kv_heads) + " heads of " +
                    std::to_string(g.head_dim) + ": every number must be positive");
  }
  if (g.dtype != DType::kBf16 && g.dtype != DType::kF32) {
    return Fail(Code::kUnsupported, "a host cache holds bf16 or f32");
  }
  if (static_cast<size_t>(pages) > std::numeric_limits<ptrdiff_t>::max() / g.page_bytes()) {
    return Fail(Code::kExhausted, "a cache of " + std::to_string(pages) + " pages is too large");
  }
  return {};
}

void CheckF32(const TensorView& t, const char* what) {
  PARLEY_CHECK(t.dtype == DType::kF32, what);
  PARLEY_CHECK(t.data != nullptr && t.stride >= t.cols, what);
}

void CheckShape(const TensorView& t, int32_t rows, int32_t cols, const char* what) {
  CheckF32(t, what);
  PARLEY_CHECK(t.rows == rows && t.cols == cols, what);
}

void CheckVector(const TensorView& t, int32_t cols, const char* what) {
  if (!t.empty()) CheckShape(t, 1, cols, what);
}

void CheckLinear(const TensorView& x, const Weight& w, const TensorView& bias,
                 const TensorView& out) {
  CheckShape(x, x.rows, w.in(), "Linear: x is [rows, in] f32");
  CheckVector(bias, w.out(), "Linear: bias is [1, out] f32");
  CheckShape(out, x.rows, w.out(), "Linear: out is [rows, out] f32");
}

void CheckConv(const TensorView& x, const Weight& w, const TensorView& bias, const ConvParams& p,
               const TensorView& out) {
  PARLEY_CHECK(p.kernel > 0 && p.stride > 0 && p.pad >= 0, "Conv1d: a kernel has extent");
  CheckShape(x, x.rows, w.in() / p.kernel, "Conv1d: x is [frames, in / kernel] f32");
  PARLEY_CHECK(w.in() == p.kernel * x.cols, "Conv1d: w is [out, kernel * channels]");
  CheckVector(bias, w.out(), "Conv1d: bias is [1, out] f32");
  const int32_t rows = (x.rows + 2 * p.pad - p.kernel) / p.stride + 1;
  CheckShape(out, rows, w.out(), "Conv1d: out is [(frames + 2 pad - kernel) / stride + 1, out]");
}

void CheckBatch(const TensorView& t, const StepBatch& batch, int32_t layer) {
  PARLEY_CHECK(batch.pool != nullptr && batch.pool->memory != nullptr, "the step has no cache");
  PARLEY_CHECK(layer >= 0 && layer < batch.pool->geometry.layers, "no such layer in the cache");
  CheckF32(t, "the cache takes and gives f32");
  PARLEY_CHECK(t.rows == batch.rows, "one row of the tensor for each row of the step");
}

void CheckDense(const TensorView& q, const TensorView& k, const TensorView& v, int32_t head_dim,
                bool causal, const TensorView& out) {
  PARLEY_CHECK(head_dim > 0 && q.cols % head_dim == 0, "AttendDense: whole heads");
  CheckF32(q, "AttendDense: q is f32");
  CheckShape(k, k.rows, q.cols, "AttendDense: k is [keys, heads * head_dim]");
  CheckShape(v, k.rows, q.cols, "AttendDense: v is [keys, heads * head_dim]");
  CheckShape(out, q.rows, q.cols, "AttendDense: out is shaped as q");
  PARLEY_CHECK(k.rows > 0 && (!causal || k.rows >= q.rows), "AttendDense: every row sees a key");
}

}  // namespace parley::kernels::host

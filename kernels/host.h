// What the host backends share: shapes that every operation checks, memory that is plain, and where a token of the
// paged cache stands.
// Thread:   pure functions.
// Memory:   views borrow; HostTensor allocates 64-byte aligned, zeroed; of a large one only what is written to is held.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "common/check.h"
#include "kernels/backend.h"

namespace parley::kernels::host {

Tensor HostTensor(DType dtype, int32_t rows, int32_t cols);
float ReadElement(const TensorView& t, int32_t row, int32_t col);  // any float type, as f32
void WriteElement(const TensorView& t, int32_t row, int32_t col, float v);
void Upload(std::span<const float> from, const TensorView& to);
void Download(const TensorView& from, std::span<float> to);
void CopyPage(const KvPool& pool, int32_t from, int32_t to);
Status CheckKv(const KvGeometry& geometry, int32_t pages);

// A bug of the caller when they do not hold; `what` names the operation.
void CheckF32(const TensorView& t, const char* what);
void CheckShape(const TensorView& t, int32_t rows, int32_t cols, const char* what);
void CheckVector(const TensorView& t, int32_t cols, const char* what);  // one row, or absent
void CheckLinear(const TensorView& x, const Weight& w, const TensorView& bias,
                 const TensorView& out);
void CheckConv(const TensorView& x, const Weight& w, const TensorView& bias, const ConvParams& p,
               const TensorView& out);
void CheckBatch(const TensorView& t, const StepBatch& batch, int32_t layer);
void CheckDense(const TensorView& q, const TensorView& k, const TensorView& v, int32_t head_dim,
                bool causal, const TensorView& out);

enum class KvPart : uint8_t { kKey, kValue };

// First of the 16 slots of `page` for one layer, part and head: [16, head_dim] of the cache's type.
inline void* PageHead(const KvPool& pool, int32_t page, int32_t layer, KvPart part, int32_t head) {
  const KvGeometry& g = pool.geometry;
  const auto plane = static_cast<size_t>(layer) * 2 + (part == KvPart::kValue ? 1 : 0);
  const auto index = plane * static_cast<size_t>(g.kv_heads) + static_cast<size_t>(head);
  const size_t head_bytes =
      static_cast<size_t>(kPageTokens) * static_cast<size_t>(g.head_dim) * SizeOf(g.dtype);
  return static_cast<char*>(pool.memory.get()) + static_cast<size_t>(page) * g.page_bytes() +
         index * head_bytes;
}

// The page that holds `position` of sequence `seq`.
inline int32_t PageOf(const StepBatch& batch, int32_t seq, int32_t position) {
  return batch.page_table[static_cast<ptrdiff_t>(seq) * batch.max_pages + position / kPageTokens];
}

}  // namespace parley::kernels::host

// Rotary positions, the paged cache, and attention over it or over plain rows.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/host.h"
#include "kernels/reference/reference_backend.h"

namespace parley::kernels::reference {
namespace {

TensorView PageView(const StepBatch& batch, int32_t page, int32_t layer, host::KvPart part,
                    int32_t head) {
  const KvGeometry& g = batch.pool->geometry;
  return {.data = host::PageHead(*batch.pool, page, layer, part, head),
          .dtype = g.dtype,
          .rows = kPageTokens,
          .cols = g.head_dim,
          .stride = g.head_dim};
}

// out = sum_j softmax_j(scale q · k_j) v_j over the rows of k and v that are given, in double
template <class KeyAt, class ValueAt>
void AttendOne(const float* q, int32_t keys, int32_t head_dim, const KeyAt& key,
               const ValueAt& value, float* out) {
  std::vector<double> p(static_cast<size_t>(keys));
  const double scale = 1.0 / std::sqrt(static_cast<double>(head_dim));
  for (int32_t j = 0; j < keys; ++j) {
    double dot = 0.0;
    for (int32_t c = 0; c < head_dim; ++c) dot += static_cast<double>(q[c]) * key(j, c);
    p[static_cast<size_t>(j)] = dot * scale;
  }
  const double largest = *std::max_element(p.begin(), p.end());
  double total = 0.0;
  for (double& v : p) total += (v = std::exp(v - largest));
  for (int32_t c = 0; c < head_dim; ++c) {
    double sum = 0.0;
    for (int32_t j = 0; j < keys; ++j) sum += p[static_cast<size_t>(j)] * value(j, c);
    out[c] = static_cast<float>(sum / total);
  }
}

}  // namespace

// (a, b) -> (a cos - b sin, a sin + b cos) with angle = position * theta^(-2 i / head_dim); the pair i of a head is
// (i, i + head_dim / 2), or (2 i, 2 i + 1) when interleaved
void ReferenceBackend::Rope(const TensorView& x, const RopeParams& params, const StepBatch& batch) {
  host::CheckF32(x, "Rope: x is f32");
  PARLEY_CHECK(x.rows == batch.rows, "Rope: one row for each row of the step");
  PARLEY_CHECK(params.head_dim % 2 == 0 && x.cols % params.head_dim == 0, "Rope: whole heads");
  const bool split = params.style == RopeStyle::kHalfSplit;
  const int32_t half = params.head_dim / 2;
  for (int32_t r = 0; r < x.rows; ++r) {
    for (int32_t i = 0; i < half; ++i) {
      const double angle = batch.position[r] *
                           std::pow(static_cast<double>(params.theta), -2.0 * i / params.head_dim);
      for (float* head = x.F32(r); head < x.F32(r) + x.cols; head += params.head_dim) {
        float& a = head[split ? i : 2 * i];
        float& b = head[split ? i + half : 2 * i + 1];
        const double turned = a * std::cos(angle) - b * std::sin(angle);
        b = static_cast<float>(a * std::sin(angle) + b * std::cos(angle));
        a = static_cast<float>(turned);
      }
    }
  }
}

void ReferenceBackend::AppendKv(const TensorView& k, const TensorView& v, const StepBatch& batch,
                                int32_t layer) {
  host::CheckBatch(k, batch, layer);
  host::CheckBatch(v, batch, layer);
  const KvGeometry& g = batch.pool->geometry;
  PARLEY_CHECK(k.cols == g.kv_heads * g.head_dim && v.cols == k.cols, "AppendKv: whole heads");
  for (int32_t r = 0; r < batch.rows; ++r) {
    const int32_t page = host::PageOf(batch, batch.row_seq[r], batch.position[r]);
    const int32_t slot = batch.position[r] % kPageTokens;
    for (int32_t c = 0; c < k.cols; ++c) {
      const int32_t head = c / g.head_dim;
      const int32_t d = c % g.head_dim;
      host::WriteElement(PageView(batch, page, layer, host::KvPart::kKey, head), slot, d,
                         k.F32(r)[c]);
      host::WriteElement(PageView(batch, page, layer, host::KvPart::kValue, head), slot, d,
                         v.F32(r)[c]);
    }
  }
}

// q head h attends with kv head h / (heads / kv_heads) to positions 0…position[r]
void ReferenceBackend::Attend(const TensorView& q, const StepBatch& batch, int32_t layer,
                              const TensorView& out) {
  host::CheckBatch(q, batch, layer);
  const KvGeometry& g = batch.pool->geometry;
  host::CheckShape(out, q.rows, q.cols, "Attend: out is shaped as q");
  const int32_t heads = q.cols / g.head_dim;
  PARLEY_CHECK(heads % g.kv_heads == 0 && heads * g.head_dim == q.cols, "Attend: whole heads");
  for (int32_t r = 0; r < q.rows; ++r) {
    for (int32_t h = 0; h < heads; ++h) {
      const auto at = [&](host::KvPart part, int32_t position, int32_t c) {
        const int32_t page = host::PageOf(batch, batch.row_seq[r], position);
        const int32_t kv_head = h / (heads / g.kv_heads);
        return host::ReadElement(PageView(batch, page, layer, part, kv_head),
                                 position % kPageTokens, c);
      };
      AttendOne(
          q.F32(r) + h * g.head_dim, batch.position[r] + 1, g.head_dim,
          [&](int32_t j, int32_t c) { return at(host::KvPart::kKey, j, c); },
          [&](int32_t j, int32_t c) { return at(host::KvPart::kValue, j, c); },
          out.F32(r) + h * g.head_dim);
    }
  }
}

void ReferenceBackend::AttendDense(const TensorView& q, const TensorView& k, const TensorView& v,
                                   int32_t head_dim, bool causal, const TensorView& out) {
  host::CheckDense(q, k, v, head_dim, causal, out);
  for (int32_t r = 0; r < q.rows; ++r) {
    const int32_t keys = causal ? r + k.rows - q.rows + 1 : k.rows;
    for (int32_t first = 0; first < q.cols; first += head_dim) {
      AttendOne(
          q.F32(r) + first, keys, head_dim,
          [&](int32_t j, int32_t c) { return k.F32(j)[first + c]; },
          [&](int32_t j, int32_t c) { return v.F32(j)[first + c]; }, out.F32(r) + first);
    }
  }
}

}  // namespace parley::kernels::reference

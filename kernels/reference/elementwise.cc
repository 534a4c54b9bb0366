// Operations that look at one value, one pair or one row at a time.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "kernels/host.h"
#include "kernels/reference/reference_backend.h"

namespace parley::kernels::reference {

// x += delta; one row of delta is repeated
void ReferenceBackend::Add(const TensorView& x, const TensorView& delta) {
  host::CheckF32(x, "Add: x is f32");
  host::CheckShape(delta, delta.rows == 1 ? 1 : x.rows, x.cols, "Add: delta is x or one row");
  for (int32_t r = 0; r < x.rows; ++r) {
    const float* d = delta.F32(delta.rows == 1 ? 0 : r);
    for (int32_t c = 0; c < x.cols; ++c) x.F32(r)[c] += d[c];
  }
}

// out = g / (1 + exp(-g)) * u, g the left half and u the right half of a row
void ReferenceBackend::SwiGlu(const TensorView& gate_up, const TensorView& out) {
  host::CheckShape(gate_up, out.rows, 2 * out.cols, "SwiGlu: gate_up is twice as wide as out");
  host::CheckF32(out, "SwiGlu: out is f32");
  for (int32_t r = 0; r < out.rows; ++r) {
    for (int32_t c = 0; c < out.cols; ++c) {
      const double gate = gate_up.F32(r)[c];
      const double up = gate_up.F32(r)[out.cols + c];
      out.F32(r)[c] = static_cast<float>(gate / (1.0 + std::exp(-gate)) * up);
    }
  }
}

// x = x / 2 * (1 + erf(x / sqrt 2))
void ReferenceBackend::Gelu(const TensorView& x) {
  host::CheckF32(x, "Gelu: x is f32");
  for (int32_t r = 0; r < x.rows; ++r) {
    for (float* v = x.F32(r); v < x.F32(r) + x.cols; ++v) {
      *v = static_cast<float>(0.5 * *v * std::erfc(-*v / std::sqrt(2.0)));
    }
  }
}

// x = max(x, 0)
void ReferenceBackend::Relu(const TensorView& x) {
  host::CheckF32(x, "Relu: x is f32");
  for (int32_t r = 0; r < x.rows; ++r) {
    for (float* v = x.F32(r); v < x.F32(r) + x.cols; ++v) *v = *v > 0.0F ? *v : 0.0F;
  }
}

// out[r] = (x[2 r] + x[2 r + 1]) / 2
void ReferenceBackend::AvgPool2(const TensorView& x, const TensorView& out) {
  host::CheckF32(x, "AvgPool2: x is f32");
  host::CheckShape(out, x.rows / 2, x.cols, "AvgPool2: out has half the rows");
  for (int32_t r = 0; r < out.rows; ++r) {
    for (int32_t c = 0; c < x.cols; ++c) {
      out.F32(r)[c] = 0.5F * (x.F32(2 * r)[c] + x.F32(2 * r + 1)[c]);
    }
  }
}

// the k largest of each row, largest first, equal values by lower index; NaN stands below every number
void ReferenceBackend::TopK(const TensorView& logits, int32_t k, std::span<int32_t> ids,
                            std::span<float> values) {
  host::CheckF32(logits, "TopK: logits are f32");
  const auto count = static_cast<size_t>(logits.rows) * static_cast<size_t>(k);
  PARLEY_CHECK(k > 0 && k <= logits.cols, "TopK: 1 to cols values a row");
  PARLEY_CHECK(ids.size() == count && values.size() == count, "TopK: ids and values are [rows, k]");
  std::vector<int32_t> order(static_cast<size_t>(logits.cols));
  for (int32_t r = 0; r < logits.rows; ++r) {
    const float* row = logits.F32(r);
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + k, order.end(), [&](int32_t a, int32_t b) {
      const bool nan_a = std::isnan(row[a]);
      const bool nan_b = std::isnan(row[b]);
      if (nan_a || nan_b) return nan_a != nan_b ? nan_b : a < b;
      return row[a] != row[b] ? row[a] > row[b] : a < b;
    });
    for (int32_t i = 0; i < k; ++i) {
      const size_t at = static_cast<size_t>(r) * static_cast<size_t>(k) + static_cast<size_t>(i);
      ids[at] = order[static_cast<size_t>(i)];
      values[at] = row[order[static_cast<size_t>(i)]];
    }
  }
}

}  // namespace parley::kernels::reference

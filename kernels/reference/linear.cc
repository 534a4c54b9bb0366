// Products with a weight: out[r, o] = bias[o] + x[r] · w[o], in the meaning of the weight's storage (backend.h); the
// convolution is that product over windows, the embedding is one row of the weight.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/host.h"
#include "kernels/reference/reference_backend.h"

namespace parley::kernels::reference {
namespace {

// sum_k x[k] w[k]
double FloatDot(const float* x, const WeightPart& w, int32_t row) {
  const float* values = &w.values[static_cast<size_t>(row) * static_cast<size_t>(w.in)];
  double sum = 0.0;
  for (int32_t k = 0; k < w.in; ++k) sum += static_cast<double>(x[k]) * values[k];
  return sum;
}

// An activation row in integers: one scale for every `span` values.
struct QuantisedRow {
  std::vector<int8_t> q;
  std::vector<float> scale;
};

QuantisedRow Quantise(const float* x, int32_t in, int32_t span) {
  QuantisedRow row{.q = std::vector<int8_t>(static_cast<size_t>(in)), .scale = {}};
  for (int32_t k = 0; k < in; k += span) {
    row.scale.push_back(
        QuantiseSpan({x + k, static_cast<size_t>(span)}, &row.q[static_cast<size_t>(k)]));
  }
  return row;
}

// sum_i q_i a_i over `span` values: exact
int32_t IntegerDot(const int8_t* q, const int8_t* a, int32_t span) {
  int32_t sum = 0;
  for (int32_t i = 0; i < span; ++i) sum += q[i] * a[i];
  return sum;
}

// sum_g d_g s_g (sum_i q_i a_i) + m_g s_g (sum_i a_i)
double GroupDot(const QuantisedRow& x, const WeightPart& w, int32_t row) {
  double sum = 0.0;
  for (int32_t g = 0; g < w.groups(); ++g) {
    const auto at =
        static_cast<size_t>(row) * static_cast<size_t>(w.groups()) + static_cast<size_t>(g);
    const int8_t* a = &x.q[static_cast<size_t>(g) * kGroupSize];
    const double s = x.scale[static_cast<size_t>(g)];
    sum += w.scale[at] * s * IntegerDot(&w.q[at * kGroupSize], a, kGroupSize);
    if (w.min.empty()) continue;
    int32_t total = 0;
    for (int32_t i = 0; i < kGroupSize; ++i) total += a[i];
    sum += w.min[at] * s * total;
  }
  return sum;
}

// row_scale s (sum_k q_k a_k)
double RowDot(const QuantisedRow& x, const WeightPart& w, int32_t row) {
  const auto at = static_cast<size_t>(row) * static_cast<size_t>(w.in);
  const double s = static_cast<double>(w.scale[static_cast<size_t>(row)]) * x.scale[0];
  return s * IntegerDot(&w.q[at], x.q.data(), w.in);
}

// One input row through every part of the weight. kBf16 means bf16 weights; x stays f32 here.
void LinearRow(const float* x, const ReferenceWeight& w, const TensorView& bias, float* out) {
  int32_t first = 0;
  for (const WeightPart& part : w.parts()) {
    const bool integers = !part.q.empty();
    const int32_t span = part.product == Product::kGroup ? kGroupSize : part.in;
    const QuantisedRow q = integers ? Quantise(x, part.in, span) : QuantisedRow{};
    for (int32_t o = 0; o < part.out; ++o) {
      const double dot = !integers                         ? FloatDot(x, part, o)
                         : part.product == Product::kGroup ? GroupDot(q, part, o)
                                                           : RowDot(q, part, o);
      const double b = bias.empty() ? 0.0 : bias.F32()[first + o];
      out[first + o] = static_cast<float>(dot + b);
    }
    first += part.out;
  }
}

const ReferenceWeight& Own(const Weight& w) {
  const auto* own = dynamic_cast<const ReferenceWeight*>(&w);
  PARLEY_CHECK(own != nullptr, "this weight was loaded by another backend");
  return *own;
}

}  // namespace

void ReferenceBackend::Linear(const TensorView& x, const Weight& w, const TensorView& bias,
                              const TensorView& out) {
  host::CheckLinear(x, w, bias, out);
  for (int32_t r = 0; r < x.rows; ++r) LinearRow(x.F32(r), Own(w), bias, out.F32(r));
}

// out[t] = bias + w · [x[t stride - pad], x[t stride - pad + 1], …], rows outside are zero
void ReferenceBackend::Conv1d(const TensorView& x, const Weight& w, const TensorView& bias,
                              const ConvParams& params, const TensorView& out) {
  host::CheckConv(x, w, bias, params, out);
  std::vector<float> window(static_cast<size_t>(w.in()));
  for (int32_t t = 0; t < out.rows; ++t) {
    std::fill(window.begin(), window.end(), 0.0F);
    for (int32_t tap = 0; tap < params.kernel; ++tap) {
      const int32_t frame = t * params.stride - params.pad + tap;
      if (frame < 0 || frame >= x.rows) continue;
      std::copy_n(x.F32(frame), x.cols, window.begin() + static_cast<ptrdiff_t>(tap) * x.cols);
    }
    LinearRow(window.data(), Own(w), bias, out.F32(t));
  }
}

// out[r] = the row ids[r] of the table
void ReferenceBackend::Embed(const Weight& table, std::span<const int32_t> ids,
                             const TensorView& out) {
  host::CheckShape(out, static_cast<int32_t>(ids.size()), table.in(), "Embed: out is [ids, in]");
  for (int32_t r = 0; r < out.rows; ++r) {
    int32_t row = ids[static_cast<size_t>(r)];
    PARLEY_CHECK(row >= 0 && row < table.out(), "Embed: no such row in the table");
    const auto* part = Own(table).parts().data();
    for (; row >= part->out; ++part) row -= part->out;
    for (int32_t c = 0; c < out.cols; ++c) out.F32(r)[c] = part->At(row, c);
  }
}

}  // namespace parley::kernels::reference

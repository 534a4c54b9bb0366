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

// An activation row in integers.
template <class Int>
struct QuantisedRow {
  std::vector<Int> q;
  float scale = 0.0F;
};

template <class Int>
QuantisedRow<Int> Quantise(const float* x, int32_t in) {
  QuantisedRow<Int> row{.q = std::vector<Int>(static_cast<size_t>(in))};
  row.scale = QuantiseRow({x, row.q.size()}, row.q.data());
  return row;
}

// sum_i q_i a_i over `span` values: exact
template <class Int>
int32_t IntegerDot(const int8_t* q, const Int* a, int32_t span) {
  int32_t sum = 0;
  for (int32_t i = 0; i < span; ++i) sum += q[i] * a[i];
  return sum;
}

// s sum_g (d_g (sum_i q_i a_i) + m_g (sum_i a_i))
double GroupDot(const QuantisedRow<int16_t>& x, const WeightPart& w, int32_t row) {
  double sum = 0.0;
  for (int32_t g = 0; g < w.groups(); ++g) {
    const auto at =
        static_cast<size_t>(row) * static_cast<size_t>(w.groups()) + static_cast<size_t>(g);
    const int16_t* a = &x.q[static_cast<size_t>(g) * kGroupSize];
    sum += static_cast<double>(w.scale[at]) * IntegerDot(&w.q[at * kGroupSize], a, kGroupSize);
    if (w.min.empty()) continue;
    int32_t total = 0;
    for (int32_t i = 0; i < kGroupSize; ++i) total += a[i];
    sum += static_cast<double>(w.min[at]) * total;
  }
  return x.scale * sum;
}

// row_scale s (sum_k q_k a_k)
double RowDot(const QuantisedRow<int8_t>& x, const WeightPart& w, int32_t row) {
  const auto at = static_cast<size_t>(row) * static_cast<size_t>(w.in);
  const double s = static_cast<double>(w.scale[static_cast<size_t>(row)]) * x.scale;
  return s * IntegerDot(&w.q[at], x.q.data(), w.in);
}

// One input row through every part of the weight. kBf16 means bf16 weights; x stays f32 here.
void LinearRow(const float* x, const ReferenceWeight& w, const TensorView& bias, float* out) {
  int32_t first = 0;
  for (const WeightPart& part : w.parts()) {
    const bool grouped = part.product == Product::kGroup;
    const bool bytes = part.product == Product::kI8Row;
    const auto wide = grouped ? Quantise<int16_t>(x, part.in) : QuantisedRow<int16_t>{};
    const auto narrow = bytes ? Quantise<int8_t>(x, part.in) : QuantisedRow<int8_t>{};
    for (int32_t o = 0; o < part.out; ++o) {
      const double dot = grouped ? GroupDot(wide, part, o)
                         : bytes ? RowDot(narrow, part, o)
                                 : FloatDot(x, part, o);
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

// Operations that work row by row.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/host.h"

namespace parley::kernels::cpu {
namespace {

const float* Vector(const TensorView& t) { return t.empty() ? nullptr : t.F32(); }

// Every exponential costs as much as some ten plain values.
constexpr int32_t kExpCost = 8;

}  // namespace

void CpuBackend::Add(const TensorView& x, const TensorView& delta) {
  host::CheckF32(x, "Add: x is f32");
  host::CheckShape(delta, delta.rows == 1 ? 1 : x.rows, x.cols, "Add: delta is x or one row");
  ForRows(x.rows, x.cols,
          [&](int32_t r) { kernels_.add(x.F32(r), delta.F32(delta.rows == 1 ? 0 : r), x.cols); });
}

void CpuBackend::RmsNorm(const TensorView& x, const TensorView& weight, float eps,
                         const TensorView& out) {
  host::CheckShape(out, x.rows, x.cols, "RmsNorm: out is shaped as x");
  host::CheckVector(weight, x.cols, "RmsNorm: weight is [1, cols]");
  ForRows(x.rows, x.cols,
          [&](int32_t r) { kernels_.rms_norm(x.F32(r), Vector(weight), x.cols, eps, out.F32(r)); });
}

void CpuBackend::AddRmsNorm(const TensorView& x, const TensorView& delta, const TensorView& weight,
                            float eps, const TensorView& out) {
  host::CheckShape(delta, delta.rows == 1 ? 1 : x.rows, x.cols,
                   "AddRmsNorm: delta is x or one row");
  host::CheckShape(out, x.rows, x.cols, "AddRmsNorm: out is shaped as x");
  host::CheckVector(weight, x.cols, "AddRmsNorm: weight is [1, cols]");
  ForRows(x.rows, x.cols, [&](int32_t r) {
    kernels_.add(x.F32(r), delta.F32(delta.rows == 1 ? 0 : r), x.cols);
    kernels_.rms_norm(x.F32(r), Vector(weight), x.cols, eps, out.F32(r));
  });
}

void CpuBackend::LayerNorm(const TensorView& x, const TensorView& weight, const TensorView& bias,
                           float eps, const TensorView& out) {
  host::CheckShape(out, x.rows, x.cols, "LayerNorm: out is shaped as x");
  host::CheckVector(weight, x.cols, "LayerNorm: weight is [1, cols]");
  host::CheckVector(bias, x.cols, "LayerNorm: bias is [1, cols]");
  ForRows(x.rows, x.cols, [&](int32_t r) {
    kernels_.layer_norm(x.F32(r), Vector(weight), Vector(bias), x.cols, eps, out.F32(r));
  });
}

void CpuBackend::SwiGlu(const TensorView& gate_up, const TensorView& out) {
  host::CheckShape(gate_up, out.rows, 2 * out.cols, "SwiGlu: gate_up is twice as wide as out");
  host::CheckF32(out, "SwiGlu: out is f32");
  ForRows(out.rows, kExpCost * out.cols, [&](int32_t r) {
    kernels_.swiglu(gate_up.F32(r), gate_up.F32(r) + out.cols, out.cols, out.F32(r));
  });
}

void CpuBackend::Gelu(const TensorView& x) {
  host::CheckF32(x, "Gelu: x is f32");
  ForRows(x.rows, kExpCost * x.cols, [&](int32_t r) { kernels_.gelu(x.F32(r), x.cols); });
}

void CpuBackend::Relu(const TensorView& x) {
  host::CheckF32(x, "Relu: x is f32");
  ForRows(x.rows, x.cols, [&](int32_t r) { kernels_.relu(x.F32(r), x.cols); });
}

void CpuBackend::AvgPool2(const TensorView& x, const TensorView& out) {
  host::CheckF32(x, "AvgPool2: x is f32");
  host::CheckShape(out, x.rows / 2, x.cols, "AvgPool2: out has half the rows");
  ForRows(out.rows, x.cols,
          [&](int32_t r) { kernels_.mean2(x.F32(2 * r), x.F32(2 * r + 1), x.cols, out.F32(r)); });
}

// One pass with the smallest of the k so far as the bar; the few that clear it are sorted in by hand.
void CpuBackend::TopK(const TensorView& logits, int32_t k, std::span<int32_t> ids,
                      std::span<float> values) {
  host::CheckF32(logits, "TopK: logits are f32");
  const auto count = static_cast<size_t>(logits.rows) * static_cast<size_t>(k);
  PARLEY_CHECK(k > 0 && k <= logits.cols, "TopK: 1 to cols values a row");
  PARLEY_CHECK(ids.size() == count && values.size() == count, "TopK: ids and values are [rows, k]");
  // NaN stands below every number, and what comes later stands below its equals.
  const auto above = [](float a, float b) { return a > b || (!std::isnan(a) && std::isnan(b)); };
  for (int32_t r = 0; r < logits.rows; ++r) {
    const float* row = logits.F32(r);
    int32_t* id = &ids[static_cast<size_t>(r) * static_cast<size_t>(k)];
    float* value = &values[static_cast<size_t>(r) * static_cast<size_t>(k)];
    int32_t held = 0;
    for (int32_t i = 0; i < logits.cols; ++i) {
      if (held == k && !std::isnan(value[k - 1])) {
        i = kernels_.first_above(row, i, logits.cols, value[k - 1]);
        if (i == logits.cols) break;
      }
      if (held == k && !above(row[i], value[k - 1])) continue;
      int32_t at = held < k ? held++ : k - 1;
      for (; at > 0 && above(row[i], value[at - 1]); --at) {
        value[at] = value[at - 1];
        id[at] = id[at - 1];
      }
      value[at] = row[i];
      id[at] = i;
    }
  }
}

const CpuBackend::RopeTable& CpuBackend::RopeFor(const RopeParams& params, int32_t positions) {
  constexpr int32_t kFirstPositions = 4096;
  const auto same = [&](const RopeTable& t) {
    return t.theta == params.theta && t.head_dim == params.head_dim;
  };
  auto found = std::find_if(rope_.begin(), rope_.end(), same);
  if (found == rope_.end()) {
    rope_.push_back({.theta = params.theta,
                     .head_dim = params.head_dim,
                     .positions = 0,
                     .cosine = {},
                     .sine = {}});
    found = rope_.end() - 1;
  }
  if (found->positions >= positions) return *found;
  const int32_t begin = found->positions;
  found->positions = std::max({kFirstPositions, 2 * begin, positions});
  for (int32_t p = begin; p < found->positions; ++p) {
    for (int32_t i = 0; i < params.head_dim / 2; ++i) {
      const double angle =
          p * std::pow(static_cast<double>(params.theta), -2.0 * i / params.head_dim);
      found->cosine.push_back(static_cast<float>(std::cos(angle)));
      found->sine.push_back(static_cast<float>(std::sin(angle)));
    }
  }
  return *found;
}

void CpuBackend::Rope(const TensorView& x, const RopeParams& params, const StepBatch& batch) {
  host::CheckF32(x, "Rope: x is f32");
  PARLEY_CHECK(x.rows == batch.rows, "Rope: one row for each row of the step");
  PARLEY_CHECK(params.head_dim % 2 == 0 && x.cols % params.head_dim == 0, "Rope: whole heads");
  if (x.rows == 0) return;
  const int32_t last = *std::max_element(batch.position, batch.position + batch.rows);
  const RopeTable& table = RopeFor(params, last + 1);
  const int32_t half = params.head_dim / 2;
  ForRows(x.rows, x.cols, [&](int32_t r) {
    const float* cosine = table.cosine.data() + static_cast<ptrdiff_t>(batch.position[r]) * half;
    const float* sine = table.sine.data() + static_cast<ptrdiff_t>(batch.position[r]) * half;
    for (float* head = x.F32(r); head < x.F32(r) + x.cols; head += params.head_dim) {
      if (params.style == RopeStyle::kHalfSplit) {
        kernels_.rope_split(head, cosine, sine, half);
        continue;
      }
      for (int32_t i = 0; i < half; ++i) {
        const float a = head[2 * i];
        const float b = head[2 * i + 1];
        head[2 * i] = a * cosine[i] - b * sine[i];
        head[2 * i + 1] = a * sine[i] + b * cosine[i];
      }
    }
  });
}

void CpuBackend::AppendKv(const TensorView& k, const TensorView& v, const StepBatch& batch,
                          int32_t layer) {
  host::CheckBatch(k, batch, layer);
  host::CheckBatch(v, batch, layer);
  const KvGeometry& g = batch.pool->geometry;
  PARLEY_CHECK(k.cols == g.kv_heads * g.head_dim && v.cols == k.cols, "AppendKv: whole heads");
  const auto put = [&](const float* from, int32_t page, int32_t slot, host::KvPart part,
                       int32_t head) {
    void* slots = host::PageHead(*batch.pool, page, layer, part, head);
    const ptrdiff_t at = static_cast<ptrdiff_t>(slot) * g.head_dim;
    if (g.dtype == DType::kBf16) {
      kernels_.to_bf16(from, g.head_dim, static_cast<uint16_t*>(slots) + at);
    } else {
      std::memcpy(static_cast<float*>(slots) + at, from,
                  sizeof(float) * static_cast<size_t>(g.head_dim));
    }
  };
  ForRows(batch.rows, 2 * k.cols, [&](int32_t r) {
    const int32_t page = host::PageOf(batch, batch.row_seq[r], batch.position[r]);
    const int32_t slot = batch.position[r] % kPageTokens;
    for (int32_t head = 0; head < g.kv_heads; ++head) {
      put(k.F32(r) + head * g.head_dim, page, slot, host::KvPart::kKey, head);
      put(v.F32(r) + head * g.head_dim, page, slot, host::KvPart::kValue, head);
    }
  });
}

}  // namespace parley::kernels::cpu

// Normalisations of a row of n values.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "kernels/host.h"
#include "kernels/reference/reference_backend.h"

namespace parley::kernels::reference {

// out = x / sqrt(mean(x^2) + eps) * weight
void ReferenceBackend::RmsNorm(const TensorView& x, const TensorView& weight, float eps,
                               const TensorView& out) {
  host::CheckShape(out, x.rows, x.cols, "RmsNorm: out is shaped as x");
  host::CheckVector(weight, x.cols, "RmsNorm: weight is [1, cols]");
  for (int32_t r = 0; r < x.rows; ++r) {
    double squares = 0.0;
    for (int32_t c = 0; c < x.cols; ++c) squares += static_cast<double>(x.F32(r)[c]) * x.F32(r)[c];
    const double scale = 1.0 / std::sqrt(squares / x.cols + eps);
    for (int32_t c = 0; c < x.cols; ++c) {
      const double w = weight.empty() ? 1.0 : weight.F32()[c];
      out.F32(r)[c] = static_cast<float>(x.F32(r)[c] * scale * w);
    }
  }
}

// x += delta; out = rms_norm(x): the fusion is its two parts
void ReferenceBackend::AddRmsNorm(const TensorView& x, const TensorView& delta,
                                  const TensorView& weight, float eps, const TensorView& out) {
  Add(x, delta);
  RmsNorm(x, weight, eps, out);
}

// out = (x - mean) / sqrt(mean((x - mean)^2) + eps) * weight + bias
void ReferenceBackend::LayerNorm(const TensorView& x, const TensorView& weight,
                                 const TensorView& bias, float eps, const TensorView& out) {
  host::CheckShape(out, x.rows, x.cols, "LayerNorm: out is shaped as x");
  host::CheckVector(weight, x.cols, "LayerNorm: weight is [1, cols]");
  host::CheckVector(bias, x.cols, "LayerNorm: bias is [1, cols]");
  for (int32_t r = 0; r < x.rows; ++r) {
    double sum = 0.0;
    for (int32_t c = 0; c < x.cols; ++c) sum += x.F32(r)[c];
    const double mean = sum / x.cols;
    double squares = 0.0;
    for (int32_t c = 0; c < x.cols; ++c) squares += (x.F32(r)[c] - mean) * (x.F32(r)[c] - mean);
    const double scale = 1.0 / std::sqrt(squares / x.cols + eps);
    for (int32_t c = 0; c < x.cols; ++c) {
      const double w = weight.empty() ? 1.0 : weight.F32()[c];
      const double b = bias.empty() ? 0.0 : bias.F32()[c];
      out.F32(r)[c] = static_cast<float>((x.F32(r)[c] - mean) * scale * w + b);
    }
  }
}

}  // namespace parley::kernels::reference

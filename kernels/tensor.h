// Two-dimensional views of memory that a backend owns. Heads and layers are documented folds of `cols`; this one
// restriction removes stride algebra and most shape bugs.
// Thread:   plain values; who may touch the memory is the backend's step.
// Memory:   a TensorView borrows; a Tensor (from Backend::Allocate) owns, 64-byte aligned, rows padded to nothing.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace parley::kernels {

enum class DType : uint8_t { kF32, kBf16, kF16, kI32, kI8 };

constexpr size_t SizeOf(DType t) {
  switch (t) {
    case DType::kF32:
    case DType::kI32:
      return 4;
    case DType::kBf16:
    case DType::kF16:
      return 2;
    case DType::kI8:
      return 1;
  }
  return 0;
}

// Bit-compatible with __nv_bfloat16; conversions round to nearest even.
struct Bf16 {
  uint16_t bits = 0;
};
float ToFloat(Bf16 v);
Bf16 ToBf16(float v);
float HalfToFloat(uint16_t bits);  // IEEE binary16
uint16_t FloatToHalf(float v);     // round to nearest even

struct TensorView {
  void* data = nullptr;
  DType dtype = DType::kF32;
  int32_t rows = 0;
  int32_t cols = 0;
  int32_t stride = 0;  // elements from one row to the next, >= cols

  bool empty() const { return data == nullptr; }
  float* F32(int32_t row = 0) const {
    return static_cast<float*>(data) + static_cast<ptrdiff_t>(row) * stride;
  }
  // Rows [begin, begin + count) of this view.
  [[nodiscard]] TensorView Rows(int32_t begin, int32_t count) const;
  // Columns [begin, begin + count) of this view.
  [[nodiscard]] TensorView Cols(int32_t begin, int32_t count) const;
};

// Owns memory of a backend; movable; frees through the backend's deleter.
class Tensor {
 public:
  Tensor() = default;
  Tensor(TensorView view, std::shared_ptr<void> memory) : view_(view), memory_(std::move(memory)) {}
  const TensorView& view() const { return view_; }
  operator const TensorView&() const { return view_; }  // NOLINT(google-explicit-constructor)
  bool empty() const { return view_.empty(); }

 private:
  TensorView view_;
  std::shared_ptr<void> memory_;
};

}  // namespace parley::kernels

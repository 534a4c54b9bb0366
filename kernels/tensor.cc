// Conversions between the float types, each rounding once to nearest even; and windows of a view.
// SPDX-License-Identifier: Apache-2.0
#include "kernels/tensor.h"

#include <bit>

#include "common/check.h"

namespace parley::kernels {

float ToFloat(Bf16 v) { return std::bit_cast<float>(static_cast<uint32_t>(v.bits) << 16); }

Bf16 ToBf16(float v) {
  const uint32_t bits = std::bit_cast<uint32_t>(v);
  if ((bits & 0x7fffffffU) > 0x7f800000U) {  // NaN stays NaN: rounding could carry it into infinity
    return Bf16{static_cast<uint16_t>((bits >> 16) | 0x40U)};
  }
  const uint32_t nearest_even = 0x7fffU + ((bits >> 16) & 1U);
  return Bf16{static_cast<uint16_t>((bits + nearest_even) >> 16)};
}

float HalfToFloat(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000U) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fU;
  const uint32_t mantissa = bits & 0x3ffU;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000U | (mantissa << 13));
  if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24, exact in f32
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

uint16_t FloatToHalf(float v) {
  const uint32_t bits = std::bit_cast<uint32_t>(v);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000U);
  const uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U) return static_cast<uint16_t>(sign | 0x7e00U);   // NaN
  if (magnitude >= 0x477ff000U) return static_cast<uint16_t>(sign | 0x7c00U);  // rounds to infinity
  if (magnitude < 0x38800000U) {
    // Subnormal half: adding 2^-1 lets the f32 adder round to a multiple of 2^-24, to nearest even.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000U));
  }
  const uint32_t nearest_even = 0xfffU + ((magnitude >> 13) & 1U);
  return static_cast<uint16_t>(sign | ((magnitude - 0x38000000U + nearest_even) >> 13));
}

TensorView TensorView::Rows(int32_t begin, int32_t count) const {
  PARLEY_CHECK(begin >= 0 && count >= 0 && begin + count <= rows, "rows outside the view");
  TensorView part = *this;
  part.data = static_cast<char*>(data) +
              static_cast<ptrdiff_t>(begin) * stride * static_cast<ptrdiff_t>(SizeOf(dtype));
  part.rows = count;
  return part;
}

TensorView TensorView::Cols(int32_t begin, int32_t count) const {
  PARLEY_CHECK(begin >= 0 && count >= 0 && begin + count <= cols, "columns outside the view");
  TensorView part = *this;
  part.data = static_cast<char*>(data) + begin * static_cast<ptrdiff_t>(SizeOf(dtype));
  part.cols = count;
  return part;
}

}  // namespace parley::kernels

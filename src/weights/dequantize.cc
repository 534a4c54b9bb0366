// SPDX-License-Identifier: Apache-2.0
#include "weights/dequantize.h"

#include <algorithm>
#include <cstring>

#include "common/check.h"
#include "weights/weight_format.h"

namespace parley::weights {
namespace {

using kernels::WeightFormat;

float HalfAt(const uint8_t* at) {
  uint16_t bits = 0;
  std::memcpy(&bits, at, 2);
  return kernels::HalfToFloat(bits);
}

// Low nibbles are values 0–15 of the group, high nibbles 16–31.
void UnpackNibbles(const uint8_t* packed, float scale, float offset, float* out) {
  for (int i = 0; i < 16; ++i) {
    out[i] = scale * static_cast<float>(packed[i] & 0x0F) + offset;
    out[i + 16] = scale * static_cast<float>(packed[i] >> 4) + offset;
  }
}

void DequantizeGroups(WeightFormat format, const uint8_t* in, size_t groups, float* out) {
  for (size_t g = 0; g < groups; ++g, in += UnitBytes(format), out += kGroupValues) {
    const float d = HalfAt(in);
    if (format == WeightFormat::kQ4_0) {
      UnpackNibbles(in + 2, d, -8.0F * d, out);
    } else if (format == WeightFormat::kQ4_1) {
      UnpackNibbles(in + 4, d, HalfAt(in + 2), out);
    } else {
      for (int i = 0; i < kGroupValues; ++i)
        out[i] = d * static_cast<float>(static_cast<int8_t>(in[2 + i]));
    }
  }
}

Status DequantizeRows(const TensorInfo& tensor, std::span<float> out) {
  if (!tensor.row_scale || tensor.shape.empty()) {
    return Fail(Code::kUnsupported,
                "tensor \"" + tensor.name + "\" is int8 and no row scales stand beside it");
  }
  const auto* values = static_cast<const int8_t*>(tensor.data);
  const auto rows = static_cast<size_t>(tensor.shape[0]);
  const size_t cols = rows == 0 ? 0 : out.size() / rows;
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < cols; ++c) {
      out[r * cols + c] = tensor.row_scale[r] * static_cast<float>(values[r * cols + c]);
    }
  }
  return {};
}

}  // namespace

Status Dequantize(const TensorInfo& tensor, std::span<float> out) {
  const uint64_t count = ElementCount(tensor.shape).value_or(0);
  PARLEY_CHECK(out.size() == count, "the output of Dequantize must hold exactly the tensor");
  const auto* in = static_cast<const uint8_t*>(tensor.data);
  switch (tensor.format) {
    case WeightFormat::kF32:
      if (count > 0) std::memcpy(out.data(), in, tensor.bytes);
      break;
    case WeightFormat::kF16:
      for (size_t i = 0; i < count; ++i) out[i] = HalfAt(in + 2 * i);
      break;
    case WeightFormat::kBf16:
      for (size_t i = 0; i < count; ++i) {
        kernels::Bf16 value;
        std::memcpy(&value.bits, in + 2 * i, 2);
        out[i] = kernels::ToFloat(value);
      }
      break;
    case WeightFormat::kQ4_0:
    case WeightFormat::kQ4_1:
    case WeightFormat::kQ8_0:
      DequantizeGroups(tensor.format, in, count / kGroupValues, out.data());
      break;
    case WeightFormat::kI8Row:
      return DequantizeRows(tensor, out);
  }
  return {};
}

Result<std::vector<float>> Dequantized(const TensorInfo& tensor) {
  std::vector<float> values(ElementCount(tensor.shape).value_or(0));
  PARLEY_TRY_STATUS(Dequantize(tensor, values));
  return values;
}

}  // namespace parley::weights

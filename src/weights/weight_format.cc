// SPDX-License-Identifier: Apache-2.0
#include "weights/weight_format.h"

#include <limits>

namespace parley::weights {

using kernels::WeightFormat;

std::string_view FormatName(WeightFormat format) {
  switch (format) {
    case WeightFormat::kF32:
      return "f32";
    case WeightFormat::kF16:
      return "f16";
    case WeightFormat::kBf16:
      return "bf16";
    case WeightFormat::kQ4_0:
      return "q4_0";
    case WeightFormat::kQ4_1:
      return "q4_1";
    case WeightFormat::kQ8_0:
      return "q8_0";
    case WeightFormat::kI8Row:
      return "int8 by rows";
  }
  return "?";
}

bool IsGrouped(WeightFormat format) {
  return format == WeightFormat::kQ4_0 || format == WeightFormat::kQ4_1 ||
         format == WeightFormat::kQ8_0;
}

size_t UnitBytes(WeightFormat format) {
  switch (format) {
    case WeightFormat::kF32:
      return 4;
    case WeightFormat::kF16:
    case WeightFormat::kBf16:
      return 2;
    case WeightFormat::kQ4_0:
      return 2 + 16;
    case WeightFormat::kQ4_1:
      return 4 + 16;
    case WeightFormat::kQ8_0:
      return 2 + 32;
    case WeightFormat::kI8Row:
      return 1;
  }
  return 0;
}

size_t Alignment(WeightFormat format) {
  if (format == WeightFormat::kF32) return 4;
  return format == WeightFormat::kI8Row ? 1 : 2;
}

std::optional<uint64_t> ElementCount(const std::vector<int64_t>& shape) {
  uint64_t count = 1;
  for (const int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(count, static_cast<uint64_t>(size), &count))
      return std::nullopt;
  }
  return count;
}

std::optional<uint64_t> ByteCount(WeightFormat format, const std::vector<int64_t>& shape) {
  std::optional<uint64_t> units = ElementCount(shape);
  if (!units) return std::nullopt;
  if (IsGrouped(format)) {
    if (shape.empty() || shape.back() % kGroupValues != 0) return std::nullopt;
    *units /= kGroupValues;
  }
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(*units, UnitBytes(format), &bytes)) return std::nullopt;
  return bytes;
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (const int64_t size : shape) {
    if (text.size() > 1) text += ", ";
    text += size < 0 ? "any" : std::to_string(size);
  }
  return text + "]";
}

}  // namespace parley::weights

// Names and sizes of the weight formats.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/backend.h"

namespace parley::weights {

inline constexpr int64_t kGroupValues = 32;  // values of a group of kQ4_0, kQ4_1 and kQ8_0

std::string_view FormatName(kernels::WeightFormat format);  // "q4_1"
bool IsGrouped(kernels::WeightFormat format);
// Bytes of one value, or of one group of 32 of a grouped format.
size_t UnitBytes(kernels::WeightFormat format);
// The alignment that reading its values needs.
size_t Alignment(kernels::WeightFormat format);

// Product of the dimensions; nothing when one is negative or the product does not fit.
std::optional<uint64_t> ElementCount(const std::vector<int64_t>& shape);
// Bytes of a tensor; nothing when they do not fit or when the last dimension is not whole groups.
std::optional<uint64_t> ByteCount(kernels::WeightFormat format, const std::vector<int64_t>& shape);

std::string ShapeText(const std::vector<int64_t>& shape);  // "[576, 1536]"

}  // namespace parley::weights

// The header of a safetensors file, validated: every tensor inside the data, none overlapping, no byte left over.
// Thread:   any.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.h"

namespace parley::weights {

struct SafetensorsEntry {
  std::string name;
  std::string dtype;  // as in the file: "BF16"
  std::vector<int64_t> shape;
  uint64_t begin = 0;  // bytes from the start of the data
  uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;                      // by place in the file
  std::vector<std::pair<std::string, std::string>> metadata;  // "__metadata__"
  uint64_t data_start = 0;                                    // bytes from the start of the file
};

// `bytes`: the whole file, called `file` in errors.
Result<SafetensorsHeader> ParseSafetensorsHeader(std::string_view file,
                                                 std::span<const std::byte> bytes);

// Bytes of one value of a dtype; 0 when the dtype is not known.
size_t SafetensorsDtypeBytes(std::string_view dtype);

}  // namespace parley::weights

// Any bytes as a safetensors file: an Error, or tensors that lie inside the file, whole and apart from one another.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/check.h"
#include "weights/safetensors_header.h"
#include "weights/weight_format.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace parley::weights;
  const auto header =
      ParseSafetensorsHeader("fuzz", {reinterpret_cast<const std::byte*>(data), size});
  if (!header.has_value()) return 0;
  uint64_t next = 0;
  for (const SafetensorsEntry& entry : header->entries) {
    PARLEY_CHECK(entry.begin == next && entry.begin <= entry.end, "a hole or an overlap");
    PARLEY_CHECK(ElementCount(entry.shape).value() * SafetensorsDtypeBytes(entry.dtype) ==
                     entry.end - entry.begin,
                 "a size that is not its shape's");
    next = entry.end;
  }
  PARLEY_CHECK(header->data_start + next == size, "bytes outside of every tensor");
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "weights/byte_reader.h"

#include <bit>

namespace parley::weights {

static_assert(std::endian::native == std::endian::little, "weight files are little-endian");

Result<std::span<const std::byte>> ByteReader::Take(uint64_t count, std::string_view what) {
  if (count > left()) {
    return Corrupt("expected " + std::to_string(count) + " bytes of " + std::string(what) +
                   ", found " + std::to_string(left()) +
                   "; the file is truncated or damaged, fetch it again");
  }
  const auto taken = bytes_.subspan(offset_, static_cast<size_t>(count));
  offset_ += taken.size();
  return taken;
}

Result<std::string_view> ByteReader::TakeText(uint64_t count, std::string_view what) {
  PARLEY_TRY(std::span<const std::byte> raw, Take(count, what));
  return std::string_view(reinterpret_cast<const char*>(raw.data()), raw.size());
}

Error ByteReader::Corrupt(const std::string& message) const {
  return Fail(Code::kCorruptData,
              std::string(file_) + ": at offset " + std::to_string(offset_) + ": " + message);
}

}  // namespace parley::weights

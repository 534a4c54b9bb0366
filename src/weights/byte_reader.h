// Reads little-endian values from bytes in order; every error says which file, at which offset, what was wanted and
// how much was left.
// Thread:   one.
// Memory:   borrows the bytes and the name.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "common/result.h"

namespace parley::weights {

class ByteReader {
 public:
  ByteReader(std::string_view file, std::span<const std::byte> bytes)
      : file_(file), bytes_(bytes) {}

  size_t offset() const { return offset_; }
  size_t left() const { return bytes_.size() - offset_; }

  // The next `count` bytes; `what` names them in the error.
  Result<std::span<const std::byte>> Take(uint64_t count, std::string_view what);
  Result<std::string_view> TakeText(uint64_t count, std::string_view what);

  template <class T>
  requires std::integral<T> || std::floating_point<T> Result<T> Read(std::string_view what) {
    PARLEY_TRY(std::span<const std::byte> raw, Take(sizeof(T), what));
    T value{};
    std::memcpy(&value, raw.data(), sizeof(T));
    return value;
  }

  // An error about what stands at the current offset.
  Error Corrupt(const std::string& message) const;

 private:
  std::string_view file_;
  std::span<const std::byte> bytes_;
  size_t offset_ = 0;
};

}  // namespace parley::weights

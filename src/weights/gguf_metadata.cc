// SPDX-License-Identifier: Apache-2.0
#include "weights/gguf_metadata.h"

#include <vector>

namespace parley::weights {
namespace {

enum ValueType : uint32_t {  // numbers of the GGUF specification
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};
constexpr int kMaxArrayDepth = 4;

template <class T>
Result<double> ReadAs(ByteReader& in, const std::string& key) {
  PARLEY_TRY(const T value, in.Read<T>(key));
  return static_cast<double>(value);
}

Result<double> ReadNumber(ByteReader& in, uint32_t type, const std::string& key) {
  switch (type) {
    case kU8:
    case kBool:
      return ReadAs<uint8_t>(in, key);
    case kI8:
      return ReadAs<int8_t>(in, key);
    case kU16:
      return ReadAs<uint16_t>(in, key);
    case kI16:
      return ReadAs<int16_t>(in, key);
    case kU32:
      return ReadAs<uint32_t>(in, key);
    case kI32:
      return ReadAs<int32_t>(in, key);
    case kF32:
      return ReadAs<float>(in, key);
    case kU64:
      return ReadAs<uint64_t>(in, key);
    case kI64:
      return ReadAs<int64_t>(in, key);
    case kF64:
      return ReadAs<double>(in, key);
    default:
      return in.Corrupt("\"" + key + "\" has value type " + std::to_string(type) +
                        ", expected 0 to 12");
  }
}

Status ReadValue(ByteReader& in, const std::string& key, uint32_t type, int depth,
                 CheckpointTable& table);

Status ReadArray(ByteReader& in, const std::string& key, int depth, CheckpointTable& table) {
  if (depth > kMaxArrayDepth) return in.Corrupt("\"" + key + "\" nests arrays too deeply");
  PARLEY_TRY(const uint32_t type, in.Read<uint32_t>(key));
  PARLEY_TRY(const uint64_t count, in.Read<uint64_t>(key));
  // Every element takes a byte or more: a length that cannot be true must not become an allocation.
  if (count > in.left()) {
    return in.Corrupt("array \"" + key + "\" claims " + std::to_string(count) + " elements, " +
                      std::to_string(in.left()) + " bytes are left");
  }
  if (type == kString) {
    std::vector<std::string> texts;
    for (uint64_t i = 0; i < count; ++i) {
      PARLEY_TRY(std::string text, ReadGgufString(in, key));
      texts.push_back(std::move(text));
    }
    table.SetTexts(key, std::move(texts));
  } else if (type == kArray) {
    for (uint64_t i = 0; i < count; ++i) {
      PARLEY_TRY_STATUS(ReadValue(in, key + "." + std::to_string(i), type, depth + 1, table));
    }
  } else {
    std::vector<double> numbers;
    for (uint64_t i = 0; i < count; ++i) {
      PARLEY_TRY(const double number, ReadNumber(in, type, key));
      numbers.push_back(number);
    }
    table.SetNumbers(key, std::move(numbers));
  }
  return {};
}

Status ReadValue(ByteReader& in, const std::string& key, uint32_t type, int depth,
                 CheckpointTable& table) {
  if (type == kArray) return ReadArray(in, key, depth, table);
  if (type == kString) {
    PARLEY_TRY(std::string text, ReadGgufString(in, key));
    table.SetText(key, std::move(text));
    return {};
  }
  PARLEY_TRY(const double number, ReadNumber(in, type, key));
  table.SetNumber(key, number);
  return {};
}

}  // namespace

Result<std::string> ReadGgufString(ByteReader& in, std::string_view what) {
  PARLEY_TRY(const uint64_t size, in.Read<uint64_t>(what));
  PARLEY_TRY(const std::string_view text, in.TakeText(size, what));
  return std::string(text);
}

Status ReadGgufMetadata(ByteReader& in, uint64_t count, CheckpointTable& table) {
  for (uint64_t i = 0; i < count; ++i) {
    PARLEY_TRY(const std::string key, ReadGgufString(in, "metadata key " + std::to_string(i)));
    PARLEY_TRY(const uint32_t type, in.Read<uint32_t>(key));
    PARLEY_TRY_STATUS(ReadValue(in, key, type, 0, table));
  }
  return {};
}

}  // namespace parley::weights

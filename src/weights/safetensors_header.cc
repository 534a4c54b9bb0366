// SPDX-License-Identifier: Apache-2.0
#include "weights/safetensors_header.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "weights/byte_reader.h"
#include "weights/weight_format.h"

namespace parley::weights {
namespace {

using Json = nlohmann::json;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the format

Error Corrupt(std::string_view file, const std::string& message) {
  return Fail(Code::kCorruptData, std::string(file) + ": " + message + "; fetch the file again");
}

// nlohmann keeps the last of two equal keys in silence; here two tensors of one name are an error.
Result<Json> ParseUniqueKeys(std::string_view file, std::string_view text) {
  std::set<std::string> names;
  std::string twice;
  const auto callback = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::key && depth == 1 &&
        !names.insert(parsed.get<std::string>()).second) {
      twice = parsed.get<std::string>();
    }
    return true;
  };
  Json json = Json::parse(text.begin(), text.end(), callback, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object())
    return Corrupt(file, "the header is not a JSON object");
  if (!twice.empty()) return Corrupt(file, "the header names tensor \"" + twice + "\" twice");
  return json;
}

Result<SafetensorsEntry> ParseEntry(std::string_view file, const std::string& name,
                                    const Json& value) {
  SafetensorsEntry entry;
  entry.name = name;
  const auto wrong = [&](const std::string& what) {
    return Corrupt(file, "tensor \"" + name + "\": " + what);
  };
  if (!value.is_object()) return wrong("found no object with dtype, shape and data_offsets");
  const auto dtype = value.find("dtype");
  const auto shape = value.find("shape");
  const auto offsets = value.find("data_offsets");
  if (dtype == value.end() || !dtype->is_string()) return wrong("no dtype");
  if (shape == value.end() || !shape->is_array()) return wrong("no shape");
  if (offsets == value.end() || !offsets->is_array() || offsets->size() != 2)
    return wrong("no data_offsets");
  entry.dtype = dtype->get<std::string>();
  for (const Json& size : *shape) {
    if (!size.is_number_unsigned() || size.get<uint64_t>() > INT64_MAX)
      return wrong("a dimension is not a size");
    entry.shape.push_back(static_cast<int64_t>(size.get<uint64_t>()));
  }
  for (const Json& offset : *offsets) {
    if (!offset.is_number_unsigned()) return wrong("an offset is not a whole number");
  }
  entry.begin = (*offsets)[0].get<uint64_t>();
  entry.end = (*offsets)[1].get<uint64_t>();
  return entry;
}

Status CheckSize(std::string_view file, const SafetensorsEntry& entry, uint64_t data_size) {
  const std::string what = "tensor \"" + entry.name + "\" ";
  const std::string range =
      "[" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) + ")";
  if (entry.begin > entry.end || entry.end > data_size) {
    return Corrupt(file, what + "stands at data bytes " + range + ", the file has " +
                             std::to_string(data_size) + " of them");
  }
  const size_t unit = SafetensorsDtypeBytes(entry.dtype);
  if (unit == 0) {
    return Fail(Code::kUnsupported, std::string(file) + ": " + what + "is of dtype \"" +
                                        entry.dtype +
                                        "\", which parley does not know; convert it to BF16");
  }
  const std::optional<uint64_t> count = ElementCount(entry.shape);
  uint64_t expected = 0;
  if (!count || __builtin_mul_overflow(*count, unit, &expected) ||
      expected != entry.end - entry.begin) {
    return Corrupt(file, what + ShapeText(entry.shape) + " " + entry.dtype + " takes " +
                             (count ? std::to_string(expected) : std::string("too many")) +
                             " bytes, the header gives " + range);
  }
  return {};
}

}  // namespace

size_t SafetensorsDtypeBytes(std::string_view dtype) {
  if (dtype == "F64" || dtype == "I64" || dtype == "U64") return 8;
  if (dtype == "F32" || dtype == "I32" || dtype == "U32") return 4;
  if (dtype == "F16" || dtype == "BF16" || dtype == "I16" || dtype == "U16") return 2;
  if (dtype == "I8" || dtype == "U8" || dtype == "BOOL" || dtype == "F8_E4M3" || dtype == "F8_E5M2")
    return 1;
  return 0;
}

Result<SafetensorsHeader> ParseSafetensorsHeader(std::string_view file,
                                                 std::span<const std::byte> bytes) {
  ByteReader in(file, bytes);
  PARLEY_TRY(const uint64_t header_size, in.Read<uint64_t>("header length"));
  if (header_size > kMaxHeaderBytes) {
    return Corrupt(file, "the header claims " + std::to_string(header_size) +
                             " bytes, the format allows " + std::to_string(kMaxHeaderBytes));
  }
  PARLEY_TRY(const std::string_view text, in.TakeText(header_size, "header"));
  PARLEY_TRY(const Json json, ParseUniqueKeys(file, text));
  SafetensorsHeader header;
  header.data_start = in.offset();
  for (const auto& [name, value] : json.items()) {
    if (name == "__metadata__") {
      if (!value.is_object()) return Corrupt(file, "__metadata__ is not an object");
      for (const auto& [key, entry] : value.items()) {
        if (entry.is_string()) header.metadata.emplace_back(key, entry.get<std::string>());
      }
      continue;
    }
    PARLEY_TRY(SafetensorsEntry entry, ParseEntry(file, name, value));
    PARLEY_TRY_STATUS(CheckSize(file, entry, in.left()));
    header.entries.push_back(std::move(entry));
  }
  std::sort(header.entries.begin(), header.entries.end(), [](const auto& a, const auto& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t next = 0;
  for (const SafetensorsEntry& entry : header.entries) {
    if (entry.begin != next) {
      return Corrupt(file, "tensor \"" + entry.name + "\" starts at data byte " +
                               std::to_string(entry.begin) + ", expected " + std::to_string(next) +
                               (entry.begin < next ? " (tensors overlap)" : " (a hole before it)"));
    }
    next = entry.end;
  }
  if (next != in.left()) {
    return Corrupt(file, "the tensors end at data byte " + std::to_string(next) +
                             ", the file has " + std::to_string(in.left()));
  }
  return header;
}

}  // namespace parley::weights

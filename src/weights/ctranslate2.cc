// CTranslate2 model.bin, binary version 6 (the layout that ctranslate2/specs/model_spec.py writes): version, name and
// revision of the specification, variables {name, dimensions, type, bytes}, aliases. Nothing is aligned in it.
// int8 matrices come with "<name>_scale" = 127 / max|row|; a TensorInfo has the reciprocal.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <optional>

#include "weights/byte_reader.h"
#include "weights/checkpoint_table.h"
#include "weights/json_metadata.h"
#include "weights/readers.h"
#include "weights/weight_format.h"

namespace parley::weights {
namespace {

using kernels::WeightFormat;

constexpr uint32_t kBinaryVersion = 6;
enum CtType : uint8_t { kFloat32, kInt8, kInt16, kInt32, kFloat16, kBfloat16, kCtTypes };
constexpr const char* kTypeNames[] = {"float32", "int8", "int16", "int32", "float16", "bfloat16"};
constexpr size_t kTypeBytes[] = {4, 1, 2, 4, 2, 2};

std::optional<WeightFormat> FormatOf(uint8_t type) {
  switch (type) {
    case kFloat32:
      return WeightFormat::kF32;
    case kInt8:
      return WeightFormat::kI8Row;
    case kFloat16:
      return WeightFormat::kF16;
    case kBfloat16:
      return WeightFormat::kBf16;
    default:
      return std::nullopt;
  }
}

// A length that counts the closing zero, then the characters and the zero.
Result<std::string> ReadString(ByteReader& in, std::string_view what) {
  PARLEY_TRY(const uint16_t size, in.Read<uint16_t>(what));
  PARLEY_TRY(const std::string_view text, in.TakeText(size, what));
  if (text.empty() || text.back() != '\0')
    return in.Corrupt("the " + std::string(what) + " does not end with a zero byte");
  return std::string(text.substr(0, text.size() - 1));
}

double ScalarAsNumber(uint8_t type, std::span<const std::byte> raw) {
  int32_t whole = 0;
  float real = 0;
  switch (type) {
    case kFloat32:
      std::memcpy(&real, raw.data(), 4);
      return real;
    case kInt8:
      return static_cast<double>(static_cast<int8_t>(raw[0]));
    case kInt16: {
      int16_t value = 0;
      std::memcpy(&value, raw.data(), 2);
      return value;
    }
    case kInt32:
      std::memcpy(&whole, raw.data(), 4);
      return whole;
    default: {
      uint16_t bits = 0;
      std::memcpy(&bits, raw.data(), 2);
      return type == kFloat16 ? kernels::HalfToFloat(bits) : kernels::ToFloat(kernels::Bf16{bits});
    }
  }
}

Status ReadVariable(ByteReader& in, uint32_t number, const std::string& path,
                    CheckpointTable& table) {
  PARLEY_TRY(std::string name, ReadString(in, "name of variable " + std::to_string(number)));
  PARLEY_TRY(const uint8_t rank, in.Read<uint8_t>(name));
  std::vector<int64_t> shape;
  for (uint8_t d = 0; d < rank; ++d) {
    PARLEY_TRY(const uint32_t size, in.Read<uint32_t>(name));
    shape.push_back(size);
  }
  PARLEY_TRY(const uint8_t type, in.Read<uint8_t>(name));
  PARLEY_TRY(const uint32_t bytes, in.Read<uint32_t>(name));
  if (type >= kCtTypes) {
    return in.Corrupt("variable \"" + name + "\" is of type " + std::to_string(type) +
                      ", expected 0 to 5");
  }
  const uint64_t count = ElementCount(shape).value_or(UINT64_MAX);
  if (count > UINT32_MAX || count * kTypeBytes[type] != bytes) {
    return in.Corrupt("variable \"" + name + "\" " + ShapeText(shape) + " " + kTypeNames[type] +
                      " claims " + std::to_string(bytes) + " bytes");
  }
  PARLEY_TRY(const std::span<const std::byte> raw, in.Take(bytes, name));
  if (rank == 0) {  // flags and counts of the specification
    table.SetNumber(std::move(name), ScalarAsNumber(type, raw));
    return {};
  }
  const std::optional<WeightFormat> format = FormatOf(type);
  if (!format) {
    return Fail(Code::kUnsupported, path + ": variable \"" + name + "\" " + ShapeText(shape) +
                                        " is " + kTypeNames[type] +
                                        "; convert the model with --quantization float16 or int8");
  }
  return table.Add(path, std::move(name), std::move(shape), *format, raw);
}

Status AttachRowScales(const std::string& path, CheckpointTable& table) {
  std::vector<std::pair<std::string, std::vector<float>>> found;
  for (const TensorInfo& tensor : table.tensors()) {
    if (tensor.format != WeightFormat::kI8Row || tensor.shape.size() < 2) continue;
    const TensorInfo* scale = table.Find(tensor.name + "_scale");
    if (!scale || scale->format != WeightFormat::kF32 ||
        ElementCount(scale->shape) != static_cast<uint64_t>(tensor.shape[0])) {
      return Fail(Code::kCorruptData, path + ": int8 variable \"" + tensor.name + "\" has no \"" +
                                          tensor.name + "_scale\" of " +
                                          std::to_string(tensor.shape[0]) + " float32");
    }
    std::vector<float> row_scale(scale->bytes / sizeof(float));
    std::memcpy(row_scale.data(), scale->data, scale->bytes);
    for (float& value : row_scale) value = 1.0F / value;
    found.emplace_back(tensor.name, std::move(row_scale));
  }
  for (auto& [name, scale] : found) table.SetRowScale(name, std::move(scale));
  return {};
}

}  // namespace

Result<std::unique_ptr<Checkpoint>> ReadCtranslate2(const std::shared_ptr<const MappedFile>& file,
                                                    const std::string& config_path) {
  ByteReader in(file->path(), file->bytes());
  PARLEY_TRY(const uint32_t version, in.Read<uint32_t>("binary version"));
  if (version != kBinaryVersion) {
    return Fail(Code::kUnsupported,
                file->path() + ": found CTranslate2 binary version " + std::to_string(version) +
                    ", parley reads 6; convert the model again with ctranslate2 3 or newer");
  }
  auto table = std::make_unique<CheckpointTable>("ctranslate2");
  table->Keep(file);
  PARLEY_TRY(std::string spec, ReadString(in, "name of the specification"));
  table->SetText("ctranslate2.spec", std::move(spec));
  PARLEY_TRY(const uint32_t revision, in.Read<uint32_t>("revision"));
  table->SetNumber("ctranslate2.revision", revision);
  PARLEY_TRY(const uint32_t variables, in.Read<uint32_t>("number of variables"));
  for (uint32_t i = 0; i < variables; ++i) {
    PARLEY_TRY_STATUS(ReadVariable(in, i, file->path(), *table));
  }
  PARLEY_TRY_STATUS(AttachRowScales(file->path(), *table));
  PARLEY_TRY(const uint32_t aliases, in.Read<uint32_t>("number of aliases"));
  for (uint32_t i = 0; i < aliases; ++i) {
    PARLEY_TRY(std::string alias, ReadString(in, "alias"));
    PARLEY_TRY(const std::string of, ReadString(in, "what an alias stands for"));
    PARLEY_TRY_STATUS(table->AddAlias(file->path(), std::move(alias), of));
  }
  if (in.left() != 0)
    return in.Corrupt("found " + std::to_string(in.left()) +
                      " bytes after the last alias, expected none");
  PARLEY_TRY_STATUS(AddJsonMetadataIfThere(config_path, *table));
  return std::unique_ptr<Checkpoint>(std::move(table));
}

}  // namespace parley::weights

// safetensors, alone or in shards. Tensors of a kind that no weight has (position ids, masks) become
// Numbers under their name when they are small.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "weights/checkpoint_table.h"
#include "weights/json_metadata.h"
#include "weights/readers.h"
#include "weights/safetensors_header.h"
#include "weights/weight_format.h"

namespace parley::weights {
namespace {

using kernels::WeightFormat;
constexpr uint64_t kMaxNumbers = 65536;  // of a tensor that is data, not weights

std::optional<WeightFormat> FormatOf(std::string_view dtype) {
  if (dtype == "F32") return WeightFormat::kF32;
  if (dtype == "F16") return WeightFormat::kF16;
  if (dtype == "BF16") return WeightFormat::kBf16;
  if (dtype == "I8") return WeightFormat::kI8Row;
  return std::nullopt;
}

template <class T>
std::vector<double> AsNumbers(std::span<const std::byte> raw) {
  std::vector<double> numbers;
  for (size_t at = 0; at + sizeof(T) <= raw.size(); at += sizeof(T)) {
    T value{};
    std::memcpy(&value, raw.data() + at, sizeof(T));
    numbers.push_back(static_cast<double>(value));
  }
  return numbers;
}

std::optional<std::vector<double>> Numbers(std::string_view dtype, std::span<const std::byte> raw) {
  if (dtype == "F64") return AsNumbers<double>(raw);
  if (dtype == "I64") return AsNumbers<int64_t>(raw);
  if (dtype == "U64") return AsNumbers<uint64_t>(raw);
  if (dtype == "I32") return AsNumbers<int32_t>(raw);
  if (dtype == "U32") return AsNumbers<uint32_t>(raw);
  if (dtype == "I16") return AsNumbers<int16_t>(raw);
  if (dtype == "U16") return AsNumbers<uint16_t>(raw);
  if (dtype == "U8" || dtype == "BOOL") return AsNumbers<uint8_t>(raw);
  return std::nullopt;
}

Status AddEntry(const MappedFile& file, const SafetensorsHeader& header, SafetensorsEntry entry,
                CheckpointTable& table) {
  const auto raw = file.bytes().subspan(header.data_start + entry.begin, entry.end - entry.begin);
  if (const std::optional<WeightFormat> format = FormatOf(entry.dtype)) {
    return table.Add(file.path(), std::move(entry.name), std::move(entry.shape), *format, raw);
  }
  std::optional<std::vector<double>> numbers;
  if (ElementCount(entry.shape).value_or(UINT64_MAX) <= kMaxNumbers)
    numbers = Numbers(entry.dtype, raw);
  if (!numbers) {
    return Fail(Code::kUnsupported, file.path() + ": tensor \"" + entry.name + "\" " +
                                        ShapeText(entry.shape) + " is " + entry.dtype +
                                        "; parley loads F32, F16, BF16 and I8 weights");
  }
  table.SetNumbers(std::move(entry.name), std::move(*numbers));
  return {};
}

// An int8 matrix "w" takes its row scales from "w_scale" or "w.scale", f32 [out].
void AttachRowScales(CheckpointTable& table) {
  std::vector<std::pair<std::string, const TensorInfo*>> found;
  for (const TensorInfo& tensor : table.tensors()) {
    if (tensor.format != WeightFormat::kI8Row || tensor.shape.empty()) continue;
    for (const char* suffix : {"_scale", ".scale"}) {
      const TensorInfo* scale = table.Find(tensor.name + suffix);
      if (scale && scale->format == WeightFormat::kF32 &&
          ElementCount(scale->shape) == static_cast<uint64_t>(tensor.shape[0])) {
        found.emplace_back(tensor.name, scale);
      }
    }
  }
  for (const auto& [name, scale] : found) {
    const auto* values = static_cast<const float*>(scale->data);
    table.SetRowScale(name, std::vector<float>(values, values + scale->bytes / sizeof(float)));
  }
}

Result<nlohmann::json> ReadJsonObject(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Fail(Code::kNotFound, path + ": cannot open");
  std::stringstream text;
  text << in.rdbuf();
  nlohmann::json json = nlohmann::json::parse(text.str(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object())
    return Fail(Code::kCorruptData, path + ": found no JSON object; fetch it again");
  return json;
}

}  // namespace

Result<std::unique_ptr<Checkpoint>> ReadSafetensors(
    const std::vector<std::shared_ptr<const MappedFile>>& shards, const std::string& config_path) {
  auto table = std::make_unique<CheckpointTable>("safetensors");
  for (const std::shared_ptr<const MappedFile>& shard : shards) {
    PARLEY_TRY(SafetensorsHeader header, ParseSafetensorsHeader(shard->path(), shard->bytes()));
    table->Keep(shard);
    for (SafetensorsEntry& entry : header.entries) {
      PARLEY_TRY_STATUS(AddEntry(*shard, header, std::move(entry), *table));
    }
    for (const auto& [key, value] : header.metadata) table->SetText("__metadata__." + key, value);
  }
  AttachRowScales(*table);
  PARLEY_TRY_STATUS(AddJsonMetadataIfThere(config_path, *table));
  return std::unique_ptr<Checkpoint>(std::move(table));
}

Result<std::unique_ptr<Checkpoint>> ReadSafetensorsIndex(const std::string& index_path,
                                                         const std::string& config_path) {
  PARLEY_TRY(const nlohmann::json index, ReadJsonObject(index_path));
  const auto map = index.find("weight_map");
  if (map == index.end() || !map->is_object()) {
    return Fail(Code::kCorruptData, index_path + ": found no \"weight_map\"; fetch it again");
  }
  const std::filesystem::path dir = std::filesystem::path(index_path).parent_path();
  std::map<std::string, std::shared_ptr<const MappedFile>> shards;
  for (const auto& [name, shard] : map->items()) {
    if (!shard.is_string()) {
      return Fail(Code::kCorruptData,
                  index_path + ": the shard of \"" + name + "\" is not a file name");
    }
    const auto shard_name = shard.get<std::string>();
    if (shards.contains(shard_name)) continue;
    // A name, not a path: an index must not reach out of its folder.
    if (std::filesystem::path(shard_name).filename() != shard_name) {
      return Fail(Code::kCorruptData,
                  index_path + ": \"" + shard_name + "\" is not a file of its own folder");
    }
    PARLEY_TRY(shards[shard_name], MappedFile::Open((dir / shard_name).string()));
  }
  std::vector<std::shared_ptr<const MappedFile>> files;
  files.reserve(shards.size());
  for (const auto& [name, file] : shards) files.push_back(file);
  PARLEY_TRY(std::unique_ptr<Checkpoint> checkpoint, ReadSafetensors(files, config_path));
  for (const auto& [name, shard] : map->items()) {
    if (!checkpoint->Find(name) && !checkpoint->Numbers(name)) {
      return Fail(Code::kCorruptData, index_path + ": tensor \"" + name + "\" is not in \"" +
                                          shard.get<std::string>() +
                                          "\"; index and shards are of different models");
    }
  }
  return checkpoint;
}

}  // namespace parley::weights

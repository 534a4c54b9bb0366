// GGUF: magic, version, counts, metadata, tensor directory, aligned data. Dimensions stand innermost first in the
// file; a TensorInfo has them outermost first. The rows of q and k of a "llama" file are in GGML's interleaved rotary
// order: the decoder takes RopeStyle::kInterleaved for them, nothing is permuted here.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <utility>

#include "weights/byte_reader.h"
#include "weights/checkpoint_table.h"
#include "weights/gguf_metadata.h"
#include "weights/readers.h"
#include "weights/weight_format.h"

namespace parley::weights {
namespace {

using kernels::WeightFormat;

constexpr uint32_t kMaxDimensions = 4;
constexpr uint64_t kDefaultAlignment = 32;

// The GGML types that parley reads, and the names of those that it does not.
std::optional<WeightFormat> FormatOf(uint32_t ggml_type) {
  switch (ggml_type) {
    case 0:
      return WeightFormat::kF32;
    case 1:
      return WeightFormat::kF16;
    case 2:
      return WeightFormat::kQ4_0;
    case 3:
      return WeightFormat::kQ4_1;
    case 8:
      return WeightFormat::kQ8_0;
    case 30:
      return WeightFormat::kBf16;
    default:
      return std::nullopt;
  }
}

std::string GgmlTypeName(uint32_t type) {
  static constexpr std::pair<uint32_t, const char*> kNames[] = {
      {6, "Q5_0"},    {7, "Q5_1"},     {9, "Q8_1"},   {10, "Q2_K"},   {11, "Q3_K"},
      {12, "Q4_K"},   {13, "Q5_K"},    {14, "Q6_K"},  {15, "Q8_K"},   {16, "IQ2_XXS"},
      {17, "IQ2_XS"}, {18, "IQ3_XXS"}, {19, "IQ1_S"}, {20, "IQ4_NL"}, {21, "IQ3_S"},
      {22, "IQ2_S"},  {23, "IQ4_XS"},  {24, "I8"},    {25, "I16"},    {26, "I32"},
      {27, "I64"},    {28, "F64"},     {29, "IQ1_M"}, {34, "TQ1_0"},  {35, "TQ2_0"},
      {39, "MXFP4"},
  };
  for (const auto& [number, name] : kNames) {
    if (number == type) return name;
  }
  return "number " + std::to_string(type);
}

struct DirectoryEntry {
  std::string name;
  std::vector<int64_t> shape;
  WeightFormat format = WeightFormat::kF32;
  uint64_t offset = 0;  // from the start of the data section
  uint64_t bytes = 0;
};

Result<DirectoryEntry> ReadEntry(ByteReader& in, uint64_t number, const std::string& path) {
  DirectoryEntry entry;
  PARLEY_TRY(entry.name, ReadGgufString(in, "name of tensor " + std::to_string(number)));
  PARLEY_TRY(const uint32_t dimensions, in.Read<uint32_t>(entry.name));
  if (dimensions > kMaxDimensions) {
    return in.Corrupt("tensor \"" + entry.name + "\" has " + std::to_string(dimensions) +
                      " dimensions, expected at most 4");
  }
  for (uint32_t d = 0; d < dimensions; ++d) {
    PARLEY_TRY(const int64_t size, in.Read<int64_t>(entry.name));
    entry.shape.push_back(size);
  }
  std::reverse(entry.shape.begin(), entry.shape.end());
  PARLEY_TRY(const uint32_t type, in.Read<uint32_t>(entry.name));
  PARLEY_TRY(entry.offset, in.Read<uint64_t>(entry.name));
  const std::optional<WeightFormat> format = FormatOf(type);
  if (!format) {
    return Fail(Code::kUnsupported, path + ": tensor \"" + entry.name + "\" is of GGML type " +
                                        GgmlTypeName(type) +
                                        "; parley reads F32, F16, BF16, Q4_0, Q4_1 and Q8_0: " +
                                        "take a file quantised as one of these");
  }
  entry.format = *format;
  const std::optional<uint64_t> bytes = ByteCount(*format, entry.shape);
  if (!bytes) {
    return in.Corrupt("tensor \"" + entry.name + "\" has the impossible shape " +
                      ShapeText(entry.shape) + " for " + std::string(FormatName(*format)));
  }
  entry.bytes = *bytes;
  return entry;
}

// Tensors must lie inside the data section, aligned, and not on top of one another.
Status CheckPlaces(const std::vector<DirectoryEntry>& entries, uint64_t data_size,
                   uint64_t alignment, const std::string& path) {
  std::vector<const DirectoryEntry*> sorted;
  for (const DirectoryEntry& entry : entries) {
    if (entry.offset % alignment != 0) {
      return Fail(Code::kCorruptData, path + ": tensor \"" + entry.name +
                                          "\" starts at data offset " +
                                          std::to_string(entry.offset) +
                                          ", expected a multiple of " + std::to_string(alignment));
    }
    if (entry.offset > data_size || entry.bytes > data_size - entry.offset) {
      return Fail(Code::kCorruptData, path + ": tensor \"" + entry.name + "\" needs " +
                                          std::to_string(entry.bytes) + " bytes at data offset " +
                                          std::to_string(entry.offset) + ", the data section has " +
                                          std::to_string(data_size) +
                                          "; the file is truncated or damaged, fetch it again");
    }
    if (entry.bytes > 0) sorted.push_back(&entry);
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const auto* a, const auto* b) { return a->offset < b->offset; });
  for (size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i - 1]->offset + sorted[i - 1]->bytes > sorted[i]->offset) {
      return Fail(Code::kCorruptData, path + ": tensors \"" + sorted[i - 1]->name + "\" and \"" +
                                          sorted[i]->name + "\" overlap at data offset " +
                                          std::to_string(sorted[i]->offset));
    }
  }
  return {};
}

Result<uint64_t> DataAlignment(const CheckpointTable& table, const std::string& path) {
  const double* number = table.Number("general.alignment");
  if (!number) return kDefaultAlignment;
  const auto alignment =
      *number >= 8 && *number <= 65536 ? static_cast<uint64_t>(*number) : uint64_t{0};
  if (alignment == 0 || alignment % 8 != 0) {
    return Fail(Code::kCorruptData, path + ": general.alignment is " + std::to_string(*number) +
                                        ", expected a multiple of 8 up to 65536");
  }
  return alignment;
}

Status ReadHeader(ByteReader& in, uint64_t& tensors, uint64_t& entries) {
  PARLEY_TRY_STATUS([&]() -> Status {
    PARLEY_TRY([[maybe_unused]] const auto magic, in.Take(4, "magic number"));
    return {};
  }());
  PARLEY_TRY(const uint32_t version, in.Read<uint32_t>("version"));
  if (version != 2 && version != 3) {
    const bool swapped = (version & 0xFFFFU) == 0;
    return Fail(Code::kUnsupported,
                in.Corrupt("found GGUF version " + std::to_string(version) +
                           (swapped ? " (big-endian?)" : "") + ", parley reads 2 and 3")
                    .message);
  }
  PARLEY_TRY(tensors, in.Read<uint64_t>("tensor count"));
  PARLEY_TRY(entries, in.Read<uint64_t>("metadata count"));
  return {};
}

}  // namespace

Result<std::unique_ptr<Checkpoint>> ReadGguf(const std::shared_ptr<const MappedFile>& file) {
  ByteReader in(file->path(), file->bytes());
  uint64_t tensor_count = 0;
  uint64_t metadata_count = 0;
  PARLEY_TRY_STATUS(ReadHeader(in, tensor_count, metadata_count));
  auto table = std::make_unique<CheckpointTable>("gguf");
  table->Keep(file);
  PARLEY_TRY_STATUS(ReadGgufMetadata(in, metadata_count, *table));
  std::vector<DirectoryEntry> entries;
  for (uint64_t i = 0; i < tensor_count; ++i) {
    PARLEY_TRY(DirectoryEntry entry, ReadEntry(in, i, file->path()));
    entries.push_back(std::move(entry));
  }
  PARLEY_TRY(const uint64_t alignment, DataAlignment(*table, file->path()));
  const uint64_t data_start = (in.offset() + alignment - 1) / alignment * alignment;
  const uint64_t data_size =
      file->bytes().size() - std::min<uint64_t>(data_start, file->bytes().size());
  PARLEY_TRY_STATUS(CheckPlaces(entries, data_size, alignment, file->path()));
  for (DirectoryEntry& entry : entries) {
    const auto raw = entry.bytes == 0
                         ? std::span<const std::byte>()
                         : file->bytes().subspan(data_start + entry.offset, entry.bytes);
    PARLEY_TRY_STATUS(
        table->Add(file->path(), std::move(entry.name), std::move(entry.shape), entry.format, raw));
  }
  return std::unique_ptr<Checkpoint>(std::move(table));
}

}  // namespace parley::weights

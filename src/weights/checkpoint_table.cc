// SPDX-License-Identifier: Apache-2.0
#include "weights/checkpoint_table.h"

#include <cstring>
#include <utility>

#include "common/check.h"
#include "weights/weight_format.h"

namespace parley::weights {
namespace {

template <class T>
const T* Lookup(const std::map<std::string, T, std::less<>>& map, std::string_view key) {
  const auto it = map.find(key);
  return it == map.end() ? nullptr : &it->second;
}

}  // namespace

const TensorInfo* CheckpointTable::Find(std::string_view name) const {
  const size_t* index = Lookup(index_, name);
  return index ? &tensors_[*index] : nullptr;
}
const std::string* CheckpointTable::Text(std::string_view key) const { return Lookup(text_, key); }
const double* CheckpointTable::Number(std::string_view key) const { return Lookup(number_, key); }
const std::vector<std::string>* CheckpointTable::Texts(std::string_view key) const {
  return Lookup(texts_, key);
}
const std::vector<double>* CheckpointTable::Numbers(std::string_view key) const {
  return Lookup(numbers_, key);
}

Status CheckpointTable::Add(std::string_view file, std::string name, std::vector<int64_t> shape,
                            kernels::WeightFormat format, std::span<const std::byte> raw) {
  const std::optional<uint64_t> expected = ByteCount(format, shape);
  if (!expected || *expected != raw.size()) {
    return Fail(Code::kCorruptData,
                std::string(file) + ": tensor \"" + name + "\" of shape " + ShapeText(shape) +
                    " in " + std::string(FormatName(format)) + " has " +
                    std::to_string(raw.size()) + " bytes, expected " +
                    (expected ? std::to_string(*expected)
                              : std::string("a shape whose size fits, of whole groups of 32")));
  }
  const std::byte* data = raw.data();
  if (reinterpret_cast<uintptr_t>(data) % Alignment(format) != 0) {
    auto copy = std::make_unique<std::byte[]>(raw.size());
    std::memcpy(copy.get(), raw.data(), raw.size());
    data = copy.get();
    copies_.push_back(std::move(copy));
  }
  TensorInfo info;
  info.name = std::move(name);
  info.shape = std::move(shape);
  info.format = format;
  info.data = data;
  info.bytes = raw.size();
  return Insert(file, std::move(info));
}

Status CheckpointTable::AddRandom(std::string name, std::vector<int64_t> shape, uint64_t seed,
                                  float scale) {
  TensorInfo info;
  info.name = std::move(name);
  info.shape = std::move(shape);
  info.format = kernels::WeightFormat::kBf16;
  info.random_seed = seed;
  info.random_scale = scale;
  return Insert("random weights", std::move(info));
}

Status CheckpointTable::AddAlias(std::string_view file, std::string name, std::string_view of) {
  const TensorInfo* target = Find(of);
  if (!target) {
    return Fail(Code::kCorruptData, std::string(file) + ": \"" + name + "\" is another name of \"" +
                                        std::string(of) + "\", which is not in the file");
  }
  TensorInfo info = *target;
  info.name = std::move(name);
  return Insert(file, std::move(info));
}

void CheckpointTable::SetRowScale(std::string_view name, std::vector<float> scale) {
  const size_t* index = Lookup(index_, name);
  PARLEY_CHECK(index, "row scales of a tensor that is not in the table");
  scales_.push_back(std::make_unique<std::vector<float>>(std::move(scale)));
  tensors_[*index].row_scale = scales_.back()->data();
}

Status CheckpointTable::Insert(std::string_view file, TensorInfo info) {
  if (!index_.emplace(info.name, tensors_.size()).second) {
    return Fail(Code::kCorruptData, std::string(file) + ": tensor \"" + info.name +
                                        "\" stands twice in the checkpoint");
  }
  tensors_.push_back(std::move(info));
  return {};
}

}  // namespace parley::weights

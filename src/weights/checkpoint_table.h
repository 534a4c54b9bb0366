// What every reader fills: the tensors and the metadata of a checkpoint, in memory tables.
// Thread:   filled by one thread, const afterwards.
// Memory:   owns the tables, shares the mappings, and owns copies of the few tensors that stand misaligned in a file.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weights/checkpoint.h"
#include "weights/mapped_file.h"

namespace parley::weights {

class CheckpointTable final : public Checkpoint {
 public:
  explicit CheckpointTable(std::string format) : format_(std::move(format)) {}

  std::string_view format() const override { return format_; }
  const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  const TensorInfo* Find(std::string_view name) const override;
  const std::string* Text(std::string_view key) const override;
  const double* Number(std::string_view key) const override;
  const std::vector<std::string>* Texts(std::string_view key) const override;
  const std::vector<double>* Numbers(std::string_view key) const override;

  void Keep(std::shared_ptr<const MappedFile> file) { files_.push_back(std::move(file)); }
  // `raw` are the tensor's bytes in a kept mapping; their number is checked against format and shape. A tensor that
  // is not aligned for its format is copied, so that readers of TensorInfo::data never meet a misaligned value.
  Status Add(std::string_view file, std::string name, std::vector<int64_t> shape,
             kernels::WeightFormat format, std::span<const std::byte> raw);
  // A bf16 matrix that exists nowhere until a backend loads it.
  Status AddRandom(std::string name, std::vector<int64_t> shape, uint64_t seed, float scale);
  // Another name of a tensor that is there.
  Status AddAlias(std::string_view file, std::string name, std::string_view of);
  // Row scales of an int8 tensor [out, …]; the table owns them.
  void SetRowScale(std::string_view name, std::vector<float> scale);

  void SetText(std::string key, std::string value) { text_[std::move(key)] = std::move(value); }
  void SetNumber(std::string key, double value) { number_[std::move(key)] = value; }
  void SetTexts(std::string key, std::vector<std::string> values) {
    texts_[std::move(key)] = std::move(values);
  }
  void SetNumbers(std::string key, std::vector<double> values) {
    numbers_[std::move(key)] = std::move(values);
  }

 private:
  Status Insert(std::string_view file, TensorInfo info);

  std::string format_;
  std::vector<std::shared_ptr<const MappedFile>> files_;
  std::vector<std::unique_ptr<std::byte[]>> copies_;
  std::vector<std::unique_ptr<std::vector<float>>> scales_;
  std::vector<TensorInfo> tensors_;
  std::map<std::string, size_t, std::less<>> index_;  // name -> index into tensors_
  std::map<std::string, std::string, std::less<>> text_;
  std::map<std::string, double, std::less<>> number_;
  std::map<std::string, std::vector<std::string>, std::less<>> texts_;
  std::map<std::string, std::vector<double>, std::less<>> numbers_;
};

}  // namespace parley::weights

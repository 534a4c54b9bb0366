// SPDX-License-Identifier: Apache-2.0
#include "weights/safetensors_writer.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "common/check.h"
#include "weights/quantize.h"
#include "weights/weight_format.h"

namespace parley::weights {
namespace {

using kernels::WeightFormat;

const char* DtypeOf(WeightFormat format) {
  PARLEY_CHECK(!IsGrouped(format) && format != WeightFormat::kI8Row,
               "safetensors has no such dtype");
  return format == WeightFormat::kF32 ? "F32" : format == WeightFormat::kF16 ? "F16" : "BF16";
}

Error WriteError(const std::string& path) {
  return Fail(Code::kIo, path + ": cannot write: " + std::strerror(errno));
}

std::string HeaderText(const std::vector<TensorPlan>& tensors,
                       const std::vector<std::pair<std::string, std::string>>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) {
    for (const auto& [key, value] : metadata) header["__metadata__"][key] = value;
  }
  uint64_t offset = 0;
  for (const TensorPlan& tensor : tensors) {
    const uint64_t end = offset + ByteCount(tensor.format, tensor.shape).value();
    header[tensor.name] = {{"dtype", DtypeOf(tensor.format)},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the data starts aligned
  return text;
}

}  // namespace

Result<SafetensorsWriter> SafetensorsWriter::Create(
    const std::string& path, std::vector<TensorPlan> tensors,
    const std::vector<std::pair<std::string, std::string>>& metadata) {
  SafetensorsWriter writer;
  writer.path_ = path;
  writer.tensors_ = std::move(tensors);
  writer.file_.reset(std::fopen((path + ".part").c_str(), "wbe"));
  if (!writer.file_) return WriteError(path + ".part");
  const std::string header = HeaderText(writer.tensors_, metadata);
  const uint64_t size = header.size();
  if (std::fwrite(&size, sizeof(size), 1, writer.file_.get()) != 1 ||
      std::fwrite(header.data(), header.size(), 1, writer.file_.get()) != 1) {
    return WriteError(path + ".part");
  }
  return writer;
}

Status SafetensorsWriter::Write(std::span<const float> values) {
  PARLEY_CHECK(next_ < tensors_.size(), "more tensors than planned");
  const TensorPlan& plan = tensors_[next_];
  written_ += values.size();
  const uint64_t planned = ElementCount(plan.shape).value();
  PARLEY_CHECK(written_ <= planned, "more values than the tensor has");
  const std::vector<std::byte> bytes = Quantize(values, plan.format);
  if (!bytes.empty() && std::fwrite(bytes.data(), bytes.size(), 1, file_.get()) != 1) {
    return WriteError(path_ + ".part");
  }
  if (written_ == planned) {
    ++next_;
    written_ = 0;
  }
  return {};
}

Status SafetensorsWriter::Finish() {
  PARLEY_CHECK(next_ == tensors_.size(), "fewer tensors than planned");
  if (std::fclose(file_.release()) != 0) return WriteError(path_ + ".part");
  std::error_code error;
  std::filesystem::rename(path_ + ".part", path_, error);
  if (error) return Fail(Code::kIo, path_ + ": cannot rename from .part: " + error.message());
  return {};
}

}  // namespace parley::weights

// SPDX-License-Identifier: Apache-2.0
#include "model/weight_loading.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "kernels/weight_part.h"
#include "weights/dequantize.h"
#include "weights/weight_format.h"

namespace parley::model {

using kernels::Backend;
using kernels::Tensor;
using kernels::WeightPtr;
using kernels::WeightSource;
using weights::Checkpoint;
using weights::TensorInfo;

namespace {

Result<Tensor> UploadRows(Backend& backend, std::string_view name, const std::vector<float>& values,
                          int32_t rows, int32_t cols) {
  const auto bad = std::ranges::count_if(values, [](float v) { return !std::isfinite(v); });
  if (Status numbers = kernels::NotFinite(static_cast<uint64_t>(bad), values.size()); !numbers) {
    return Context(name, std::move(numbers).error());
  }
  Tensor out = backend.Allocate(kernels::DType::kF32, rows, cols);
  backend.Upload(values, out);
  PARLEY_TRY_STATUS(backend.Poll());
  return out;
}

// A rank's rows, or columns, of a matrix. Whoever asks has checked that it divides.
Result<WeightSource> Cut(WeightSource source, Slice slice, SliceBy by) {
  if (slice.ranks == 1) return source;
  const int32_t whole = source.in;
  uint64_t first = 0;
  if (by == SliceBy::kRows) {
    source.out /= slice.ranks;
    first = static_cast<uint64_t>(source.out) * static_cast<uint64_t>(slice.rank) *
            static_cast<uint64_t>(whole);
  } else {
    source.in /= slice.ranks;
    source.row_stride = whole;
    first = static_cast<uint64_t>(source.in) * static_cast<uint64_t>(slice.rank);
  }
  if (source.data == nullptr) {
    source.random_first = first;
    return source;
  }
  const auto bytes = weights::ByteCount(source.format, {static_cast<int64_t>(first)});
  if (!bytes) {
    return Fail(Code::kUnsupported, "a rank's part would begin inside a quantised group");
  }
  source.data = static_cast<const std::byte*>(source.data) + *bytes;
  if (source.row_scale != nullptr && by == SliceBy::kRows) {
    source.row_scale += static_cast<ptrdiff_t>(source.out) * slice.rank;
  }
  return source;
}

std::string Join(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) {
    if (!out.empty()) out += " or ";
    out += '"';
    out += name;
    out += '"';
  }
  return out;
}

}  // namespace

Result<Tensor> LoadVector(Backend& backend, const Checkpoint& checkpoint, std::string_view name,
                          int32_t size) {
  PARLEY_TRY(const TensorInfo* info, checkpoint.Require(name, {size}));
  PARLEY_TRY(const std::vector<float> values, weights::Dequantized(*info));
  return UploadRows(backend, name, values, 1, size);
}

Result<Tensor> LoadTable(Backend& backend, const Checkpoint& checkpoint, std::string_view name,
                         int32_t rows, int32_t cols) {
  PARLEY_TRY(const TensorInfo* info, checkpoint.Require(name, {rows, cols}));
  PARLEY_TRY(const std::vector<float> values, weights::Dequantized(*info));
  return UploadRows(backend, name, values, rows, cols);
}

Result<WeightPtr> LoadMatrix(Backend& backend, const Checkpoint& checkpoint,
                             const std::vector<MatrixRows>& stacked, int32_t in,
                             kernels::Storage storage, Slice slice, SliceBy by) {
  std::vector<WeightSource> sources;
  for (const MatrixRows& rows : stacked) {
    PARLEY_TRY(const TensorInfo* info, checkpoint.Require(rows.name, {rows.out, in}));
    WeightSource source{.format = info->format,
                        .out = rows.out,
                        .in = in,
                        .data = info->data,
                        .row_scale = info->row_scale,
                        .random_seed = info->random_seed,
                        .random_scale = info->random_scale};
    auto cut = Cut(source, slice, by);
    if (!cut) return Context(rows.name, std::move(cut).error());
    sources.push_back(*cut);
  }
  auto weight = backend.LoadWeight(sources, storage);
  if (!weight) {  // of a stack nobody says which one it was
    std::vector<std::string> names;
    names.reserve(stacked.size());
    for (const MatrixRows& rows : stacked) names.push_back(rows.name);
    return Context(names.size() == 1 ? names.front() : Join(names), std::move(weight).error());
  }
  return weight;
}

Result<Tensor> LoadBias(Backend& backend, const Checkpoint& checkpoint,
                        const std::vector<MatrixRows>& stacked, Slice slice) {
  std::vector<float> all;
  for (const MatrixRows& rows : stacked) {
    const auto share = static_cast<size_t>(rows.out / slice.ranks);
    if (rows.name.empty()) {
      all.resize(all.size() + share, 0.0F);
      continue;
    }
    PARLEY_TRY(const TensorInfo* info, checkpoint.Require(rows.name, {rows.out}));
    PARLEY_TRY(const std::vector<float> values, weights::Dequantized(*info));
    const auto first = values.begin() + static_cast<ptrdiff_t>(share) * slice.rank;
    all.insert(all.end(), first, first + static_cast<ptrdiff_t>(share));
  }
  return UploadRows(backend, stacked.front().name, all, 1, static_cast<int32_t>(all.size()));
}

Result<WeightPtr> LoadConv(Backend& backend, const Checkpoint& checkpoint, std::string_view name,
                           int32_t out, int32_t in, int32_t kernel, kernels::Storage storage) {
  PARLEY_TRY(const TensorInfo* info, checkpoint.Require(name, {out, in, kernel}));
  PARLEY_TRY(const std::vector<float> file, weights::Dequantized(*info));
  std::vector<float> turned(file.size());
  const auto channels = static_cast<size_t>(in);
  const auto taps = static_cast<size_t>(kernel);
  for (size_t o = 0; o < static_cast<size_t>(out); ++o) {
    for (size_t c = 0; c < channels; ++c) {
      for (size_t t = 0; t < taps; ++t) {
        turned[(o * taps + t) * channels + c] = file[(o * channels + c) * taps + t];
      }
    }
  }
  const WeightSource source{
      .format = kernels::WeightFormat::kF32, .out = out, .in = in * kernel, .data = turned.data()};
  auto weight = backend.LoadWeight({&source, 1}, storage);
  if (!weight) return Context(name, std::move(weight).error());
  return weight;
}

const double* FindNumber(const Checkpoint& checkpoint, const std::vector<std::string>& keys) {
  for (const auto& key : keys) {
    if (const double* found = checkpoint.Number(key)) return found;
  }
  return nullptr;
}

Result<double> RequireNumber(const Checkpoint& checkpoint, const std::vector<std::string>& keys) {
  if (const double* found = FindNumber(checkpoint, keys)) return *found;
  return Fail(Code::kCorruptData,
              "the " + std::string(checkpoint.format()) + " checkpoint's metadata has no number " +
                  Join(keys) + "; is its config.json beside it, and is it for this kind of model?");
}

Result<int32_t> RequireCount(const Checkpoint& checkpoint, const std::vector<std::string>& keys) {
  PARLEY_TRY(const double value, RequireNumber(checkpoint, keys));
  constexpr double kLargest = 1 << 30;
  if (!(value >= 1 && value <= kLargest) || value != std::floor(value)) {
    return Fail(Code::kCorruptData, "metadata " + Join(keys) + " is " + std::to_string(value) +
                                        "; a whole number of at least 1 is expected");
  }
  return static_cast<int32_t>(value);
}

}  // namespace parley::model

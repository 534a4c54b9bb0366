// SPDX-License-Identifier: Apache-2.0
#include "weights/low_rank_update.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "weights/dequantize.h"
#include "weights/quantize.h"
#include "weights/weight_format.h"

namespace parley::weights {
namespace {

using kernels::WeightFormat;
constexpr std::string_view kA = ".lora_a", kB = ".lora_b", kRows = ".rows", kRowIds = ".row_ids";
constexpr std::string_view kImportance = ".importance";

// What an update changes in one tensor of the base.
struct Part {
  double scale = 1.0;
  const TensorInfo* a = nullptr;
  const TensorInfo* b = nullptr;
  const TensorInfo* rows = nullptr;
  const TensorInfo* importance = nullptr;
  std::vector<int64_t> row_ids;
};
// What all of them do, in their order.
struct Change {
  const TensorInfo* base = nullptr;
  std::vector<Part> parts;

  bool adds() const {
    return std::any_of(parts.begin(), parts.end(), [](const Part& p) { return p.a != nullptr; });
  }
};

class UpdatedCheckpoint final : public Checkpoint {
 public:
  explicit UpdatedCheckpoint(std::unique_ptr<Checkpoint> base)
      : base_(std::move(base)), tensors_(base_->tensors()) {
    for (size_t i = 0; i < tensors_.size(); ++i) index_[tensors_[i].name] = i;
  }

  std::string_view format() const override { return base_->format(); }
  const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  const TensorInfo* Find(std::string_view name) const override {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &tensors_[found->second];
  }
  const std::string* Text(std::string_view key) const override { return base_->Text(key); }
  const double* Number(std::string_view key) const override { return base_->Number(key); }
  const std::vector<std::string>* Texts(std::string_view key) const override {
    return base_->Texts(key);
  }
  const std::vector<double>* Numbers(std::string_view key) const override {
    return base_->Numbers(key);
  }

  const Checkpoint& base() const { return *base_; }
  void Replace(std::string_view name, WeightFormat format, std::vector<std::byte> bytes) {
    TensorInfo& tensor = tensors_[index_.find(name)->second];
    tensor.format = format;
    tensor.bytes = bytes.size();
    tensor.row_scale = nullptr;
    tensor.data = owned_.emplace_back(std::move(bytes)).data();
  }

 private:
  std::unique_ptr<Checkpoint> base_;
  std::vector<TensorInfo> tensors_;
  std::map<std::string, size_t, std::less<>> index_;
  std::vector<std::vector<std::byte>> owned_;
};

std::optional<std::string> NameBefore(std::string_view name, std::string_view ending) {
  if (!name.ends_with(ending)) return std::nullopt;
  return std::string(name.substr(0, name.size() - ending.size()));
}

Result<double> ScaleOf(const Checkpoint& update) {
  const std::string* text = update.Text("__metadata__.scale");
  if (text == nullptr) return 1.0;
  char* end = nullptr;
  const double scale = std::strtod(text->c_str(), &end);
  if (end == text->c_str() || *end != '\0' || !std::isfinite(scale)) {
    return Fail(Code::kCorruptData,
                "its metadata says scale \"" + *text + "\", which is no number");
  }
  return scale;
}

Status ReadRowIds(const Checkpoint& update, const std::string& name, const TensorInfo& base,
                  Part& part) {
  const std::string key = name + std::string(kRowIds);
  const std::vector<double>* ids = update.Numbers(key);
  const int64_t n = part.rows->shape.empty() ? 0 : part.rows->shape[0];
  if (ids == nullptr || static_cast<int64_t>(ids->size()) != n) {
    return Fail(Code::kCorruptData,
                "\"" + key + "\" has " + std::to_string(ids == nullptr ? 0 : ids->size()) +
                    " whole numbers, expected one for each of the " + std::to_string(n) + " rows");
  }
  for (const double id : *ids) {
    if (id < 0 || id >= static_cast<double>(base.shape[0]) || id != std::floor(id)) {
      return Fail(Code::kCorruptData, "\"" + key + "\" names row " + std::to_string(id) +
                                          " of a table of " + std::to_string(base.shape[0]));
    }
    part.row_ids.push_back(static_cast<int64_t>(id));
  }
  return {};
}

// Every tensor of the update belongs to one of the base, and fits it.
Status Match(const Checkpoint& base, const Checkpoint& update,
             std::map<std::string, Change>& changes) {
  PARLEY_TRY(const double scale, ScaleOf(update));
  std::map<std::string, Part> parts;
  for (const TensorInfo& tensor : update.tensors()) {
    std::optional<std::string> name;
    const TensorInfo* Part::*member = nullptr;
    for (const auto& [ending, of_it] :
         {std::pair{kA, &Part::a}, std::pair{kB, &Part::b}, std::pair{kRows, &Part::rows},
          std::pair{kImportance, &Part::importance}}) {
      if ((name = NameBefore(tensor.name, ending))) {
        member = of_it;
        break;
      }
    }
    if (!name) {
      return Fail(Code::kCorruptData, "tensor \"" + tensor.name +
                                          "\" is no part of an update: expected names that end "
                                          "with .lora_a, .lora_b, .rows, .row_ids or .importance");
    }
    parts[*name].*member = &tensor;
    PARLEY_TRY(changes[*name].base, base.Require(*name, {-1, -1}));
  }
  for (auto& [name, part] : parts) {
    const TensorInfo& changed = *changes[name].base;
    part.scale = scale;
    if ((part.a == nullptr) != (part.b == nullptr)) {
      return Fail(Code::kCorruptData, "\"" + name + "\" has only one of .lora_a and .lora_b");
    }
    if (part.a != nullptr) {
      PARLEY_TRY(part.a, update.Require(name + std::string(kA), {-1, changed.shape[1]}));
      PARLEY_TRY(part.b,
                 update.Require(name + std::string(kB), {changed.shape[0], part.a->shape[0]}));
    }
    if (part.importance != nullptr) {
      if (part.a == nullptr) {
        return Fail(Code::kCorruptData,
                    "\"" + name + "\" has an .importance and no .lora_a to round with");
      }
      PARLEY_TRY(part.importance,
                 update.Require(name + std::string(kImportance), {changed.shape[1]}));
    }
    if (part.rows != nullptr) {
      PARLEY_TRY(part.rows, update.Require(name + std::string(kRows), {-1, changed.shape[1]}));
      PARLEY_TRY_STATUS(ReadRowIds(update, name, changed, part));
    }
    changes[name].parts.push_back(std::move(part));
  }
  return {};
}

// sum + scale · b·a, row by row, and then the rows that are given whole.
Status MergePart(const Part& part, size_t in, std::vector<float>& sum) {
  if (part.a != nullptr) {
    PARLEY_TRY(const std::vector<float> a, Dequantized(*part.a));
    PARLEY_TRY(const std::vector<float> b, Dequantized(*part.b));
    const auto rank = static_cast<size_t>(part.a->shape[0]);
    for (size_t row = 0; row < sum.size() / in; ++row) {
      float* out = sum.data() + row * in;
      for (size_t r = 0; r < rank; ++r) {
        const auto factor = static_cast<float>(part.scale * static_cast<double>(b[row * rank + r]));
        const float* from = a.data() + r * in;
        for (size_t i = 0; i < in; ++i) out[i] += factor * from[i];
      }
    }
  }
  if (part.rows != nullptr) {
    PARLEY_TRY(const std::vector<float> rows, Dequantized(*part.rows));
    for (size_t k = 0; k < part.row_ids.size(); ++k) {
      std::copy_n(
          rows.begin() + static_cast<std::ptrdiff_t>(k * in), in,
          sum.begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(part.row_ids[k]) * in));
    }
  }
  return {};
}

Result<std::vector<float>> Merge(const Change& change) {
  PARLEY_TRY(std::vector<float> sum, Dequantized(*change.base));
  for (const Part& part : change.parts) {
    PARLEY_TRY_STATUS(MergePart(part, static_cast<size_t>(change.base->shape[1]), sum));
  }
  return sum;
}

// What an error in each input channel counts: the last update knows best what the sum carries. Empty: all the same.
Result<std::vector<float>> ImportanceOf(const Change& change) {
  for (auto part = change.parts.rbegin(); part != change.parts.rend(); ++part) {
    if (part->importance == nullptr) continue;
    PARLEY_TRY(std::vector<float> importance, Dequantized(*part->importance));
    if (!IsImportance(importance)) {
      return Fail(Code::kCorruptData, "its .importance has values below 0 or beyond all numbers");
    }
    return importance;
  }
  return std::vector<float>();
}

bool Writable(WeightFormat format) { return format != WeightFormat::kI8Row; }

// A table of which only rows change: the others keep their bytes.
Result<std::vector<std::byte>> WithRows(const Change& change) {
  const auto* begin = static_cast<const std::byte*>(change.base->data);
  std::vector<std::byte> bytes(begin, begin + change.base->bytes);
  const auto in = static_cast<size_t>(change.base->shape[1]);
  const size_t row_bytes = change.base->bytes / static_cast<size_t>(change.base->shape[0]);
  for (const Part& part : change.parts) {
    PARLEY_TRY(const std::vector<float> rows, Dequantized(*part.rows));
    for (size_t k = 0; k < part.row_ids.size(); ++k) {
      const std::vector<std::byte> row =
          Quantize(std::span(rows).subspan(k * in, in), change.base->format);
      std::copy(row.begin(), row.end(),
                bytes.begin() +
                    static_cast<std::ptrdiff_t>(static_cast<size_t>(part.row_ids[k]) * row_bytes));
    }
  }
  return bytes;
}

struct Merged {
  std::string name;
  WeightFormat format = WeightFormat::kF32;
  std::vector<std::byte> bytes;
  Status status;
};

void MergeOne(const Change& change, WeightFormat format, Merged& merged) {
  if (!change.adds() && Writable(change.base->format)) {
    auto bytes = WithRows(change);
    if (!bytes) {
      merged.status = std::move(bytes).error();
      return;
    }
    merged.format = change.base->format;
    merged.bytes = *std::move(bytes);
    return;
  }
  auto sum = Merge(change);
  if (!sum) {
    merged.status = std::move(sum).error();
    return;
  }
  const bool groups = change.base->shape[1] % kGroupValues == 0;
  merged.format = IsGrouped(format) && !groups ? WeightFormat::kF32 : format;
  auto importance = ImportanceOf(change);
  if (!importance) {
    merged.status = std::move(importance).error();
    return;
  }
  if (!groups) importance->clear();
  merged.bytes = Quantize(*sum, merged.format, GroupFit::kLeastSquares, *importance);
}

}  // namespace

Result<std::unique_ptr<Checkpoint>> OpenUpdated(const std::string& base_path,
                                                const std::vector<std::string>& update_paths,
                                                WeightFormat format, UpdateSummary* summary) {
  PARLEY_TRY(std::unique_ptr<Checkpoint> base, Checkpoint::Open(base_path));
  std::vector<std::unique_ptr<Checkpoint>> updates;
  std::map<std::string, Change> changes;
  for (const std::string& path : update_paths) {
    PARLEY_TRY(updates.emplace_back(), Checkpoint::Open(path));
    if (Status matched = Match(*base, *updates.back(), changes); !matched) {
      return Context(path + " does not fit " + base_path, std::move(matched).error());
    }
  }

  std::vector<std::pair<const Change*, Merged>> work;
  work.reserve(changes.size());
  for (const auto& [name, change] : changes) work.push_back({&change, {.name = name}});
  std::atomic<size_t> next{0};
  const auto merge = [&] {
    for (size_t i; (i = next++) < work.size();) {
      MergeOne(*work[i].first, format, work[i].second);
    }
  };
  {
    std::vector<std::jthread> helpers;
    const size_t cores = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, 8);
    for (size_t i = 1; i < std::min(cores, work.size()); ++i) helpers.emplace_back(merge);
    merge();
  }
  auto updated = std::make_unique<UpdatedCheckpoint>(std::move(base));
  for (auto& [change, merged] : work) {
    if (!merged.status) {
      return Context(merged.name + " of " + base_path, std::move(merged.status).error());
    }
    if (summary != nullptr) {
      summary->matrices += change->adds() ? 1 : 0;
      for (const Part& part : change->parts) {
        if (part.a != nullptr) summary->rank = std::max(summary->rank, part.a->shape[0]);
        summary->rows += static_cast<int64_t>(part.row_ids.size());
      }
    }
    updated->Replace(merged.name, merged.format, std::move(merged.bytes));
  }
  for (const auto& update : updates) {
    if (summary == nullptr) break;
    for (const TensorInfo& tensor : update->tensors()) {
      if (tensor.name.ends_with(kImportance)) continue;  // says how to keep values, and is none
      summary->values += static_cast<int64_t>(ElementCount(tensor.shape).value_or(0));
    }
  }
  return std::unique_ptr<Checkpoint>(std::move(updated));
}

}  // namespace parley::weights

// A golden file: what PyTorch saw at each tap, what it was fed, and the comparison that names the first tap that is off.
// Thread:   one.
// Memory:   every tap is copied as it passes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/backend.h"
#include "weights/checkpoint.h"
#include "weights/dequantize.h"

namespace parley::golden {

inline std::string Path(const std::string& name) {
  return std::string(PARLEY_SOURCE_DIR) + "/tests/golden/" + name;
}

inline std::unique_ptr<weights::Checkpoint> Open(const std::string& name) {
  auto file = weights::Checkpoint::Open(Path(name));
  if (!file.has_value()) {
    ADD_FAILURE() << file.error().message
                  << "\nmake it with: python tests/golden/make_model_goldens.py";
    return nullptr;
  }
  return *std::move(file);
}

class Golden {
 public:
  // Every tensor of tests/golden/NAME; `backend`'s taps are recorded from now on.
  Golden(const std::string& name, kernels::Backend& backend)
      : backend_(backend), file_(Open(name)) {
    backend.SetTap([this](std::string_view tap, int index, const kernels::TensorView& value) {
      std::string key(tap);
      if (index >= 0) key += "." + std::to_string(index);
      std::vector<float>& seen = seen_[key];
      const size_t before = seen.size();  // a later call of the same tap continues it: chunks
      seen.resize(before + static_cast<size_t>(value.rows) * static_cast<size_t>(value.cols));
      backend_.Download(value, std::span(seen).subspan(before));
    });
  }
  ~Golden() { backend_.SetTap({}); }
  Golden(const Golden&) = delete;
  Golden& operator=(const Golden&) = delete;

  bool ok() const { return file_ != nullptr; }

  std::vector<float> Values(const std::string& name) const {
    const weights::TensorInfo* info = file_->Find(name);
    if (info == nullptr) {
      ADD_FAILURE() << "the golden has no \"" << name << "\"";
      return {};
    }
    return *weights::Dequantized(*info);
  }
  int32_t Cols(const std::string& name) const {
    return static_cast<int32_t>(file_->Find(name)->shape.back());
  }
  std::vector<int32_t> Ids(const std::string& name) const {
    const std::vector<float> values = Values(name);
    return {values.begin(), values.end()};
  }

  // Walks every tensor of the file whose name begins with `prefix`: a tap that was never produced is a failure, and so
  // is one that is off by more than `epsilons(its name)` float epsilons of the tap's largest value.
  void ExpectAll(const std::string& prefix,
                 const std::function<double(std::string_view)>& epsilons) const {
    int compared = 0;
    for (const weights::TensorInfo& info : file_->tensors()) {
      if (info.name.starts_with("input.") || !info.name.starts_with(prefix)) continue;
      ++compared;
      const auto seen = seen_.find(info.name);
      if (seen == seen_.end()) {
        ADD_FAILURE() << "tap \"" << info.name << "\" was never produced";
        continue;
      }
      Compare(info.name, *weights::Dequantized(info), seen->second, epsilons(info.name));
    }
    EXPECT_GT(compared, 0) << "no tap begins with \"" << prefix << "\"";
  }

 private:
  static void Compare(const std::string& name, const std::vector<float>& expected,
                      const std::vector<float>& actual, double epsilons) {
    ASSERT_EQ(expected.size(), actual.size()) << name;
    float norm = 0;
    size_t worst = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
      norm = std::max(norm, std::abs(expected[i]));
      if (!(std::abs(actual[i] - expected[i]) <= std::abs(actual[worst] - expected[worst]))) {
        worst = i;
      }
    }
    const double unit = double{std::numeric_limits<float>::epsilon()} * double{norm};
    const double off = std::abs(double{actual[worst]} - double{expected[worst]});
    std::printf("%-18s off by %6.1f of %6.1f epsilons\n", name.c_str(), off / unit, epsilons);
    EXPECT_LE(off, epsilons * unit)
        << name << " at " << worst << ": expected " << expected[worst] << ", got " << actual[worst]
        << " (largest value " << norm << ")";
  }

  kernels::Backend& backend_;
  std::unique_ptr<weights::Checkpoint> file_;
  std::map<std::string, std::vector<float>> seen_;
};

}  // namespace parley::golden

// A backend and the tensors that a test has on it.
// Thread:   one test.
// Memory:   the backend's own.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "kernels/backend.h"

namespace parley::kernels {

class Host {
 public:
  explicit Host(std::unique_ptr<Backend> backend) : be(std::move(backend)) {}

  // A window of `cols` columns in a wider tensor when `gap` > 0: strided on purpose.
  TensorView Make(int32_t rows, int32_t cols, const std::vector<float>& values, int32_t gap = 0,
                  DType type = DType::kF32) {
    tensors_.push_back(be->Allocate(type, rows, cols + gap));
    const TensorView view = tensors_.back().view().Cols(gap / 2, cols);
    if (!values.empty()) be->Upload(values, view);
    return view;
  }
  std::vector<float> Values(const TensorView& t) const {
    std::vector<float> v(static_cast<size_t>(t.rows) * static_cast<size_t>(t.cols));
    be->Download(t, v);
    return v;
  }
  WeightPtr Load(const WeightSource& source, Storage storage = Storage::kAsIs) const {
    auto w = be->LoadWeight({&source, 1}, storage);
    EXPECT_TRUE(w.has_value()) << (w ? "" : w.error().message);
    return w ? *w : nullptr;
  }

  std::unique_ptr<Backend> be;

 private:
  std::vector<Tensor> tensors_;
};

}  // namespace parley::kernels

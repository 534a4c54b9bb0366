// The reference and one fast backend side by side, fed with the same bits.
// Thread:   one test.
// Memory:   both backends' own.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "kernels/backend.h"
#include "support/compare.h"

namespace parley::kernels {

struct Device {
  CpuIsa isa = CpuIsa::kBest;
  int threads = 1;
};

inline std::string DeviceName(CpuIsa isa) {
  switch (isa) {
    case CpuIsa::kPortable:
      return "Portable";
    case CpuIsa::kAvx2:
      return "Avx2";
    case CpuIsa::kAvxVnni:
      return "AvxVnni";
    case CpuIsa::kAvx512:
      return "Avx512";
    case CpuIsa::kBest:
      break;
  }
  return "Best";
}

// Every instruction set of this machine: one thread each, and the best of them also with three.
inline std::vector<Device> Devices() {
  std::vector<Device> devices;
  for (CpuIsa isa : {CpuIsa::kPortable, CpuIsa::kAvx2, CpuIsa::kAvxVnni, CpuIsa::kAvx512}) {
    if (CpuHas(isa)) devices.push_back({isa, 1});
  }
  devices.push_back({CpuIsa::kBest, 3});
  return devices;
}

inline void PrintTo(const Device& d, std::ostream* out) {
  *out << DeviceName(d.isa) << " with " << d.threads << " threads";
}

inline std::string PrintDevice(const ::testing::TestParamInfo<Device>& info) {
  return DeviceName(info.param.isa) + std::to_string(info.param.threads);
}

class Host {
 public:
  explicit Host(std::unique_ptr<Backend> backend) : be(std::move(backend)) {}

  // A window of `cols` columns in a wider tensor when `gap` > 0: strided on purpose.
  TensorView Make(int32_t rows, int32_t cols, const std::vector<float>& values, int32_t gap = 0) {
    tensors_.push_back(be->Allocate(DType::kF32, rows, cols + gap));
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

class Parity : public ::testing::TestWithParam<Device> {
 protected:
  Host ref_{MakeReferenceBackend()};
  Host fast_{MakeCpuBackend({.threads = GetParam().threads, .isa = GetParam().isa})};
};

}  // namespace parley::kernels

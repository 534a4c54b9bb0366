// The reference and the GPU side by side, fed with the same bits.
// Thread:   one test.
// Memory:   both backends' own.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cuda_devices.h"
#include "support/backend_host.h"
#include "support/compare.h"

namespace parley::kernels {

// Values that bf16 holds exactly: the products' operands are then the same on both sides.
inline std::vector<float> Bf16Values(size_t n, uint64_t seed, float scale = 1.0F) {
  std::vector<float> v = testing::Noise(seed).Values(n, scale);
  for (float& x : v) x = ToFloat(ToBf16(x));
  return v;
}

// Root of the mean square of the difference over that of the truth, `b`.
inline double Apart(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0.0;
  double size = 0.0;
  EXPECT_EQ(a.size(), b.size());
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    difference += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
    size += static_cast<double>(b[i]) * b[i];
  }
  return std::sqrt(difference / size);
}

class Side : public Host {
 public:
  using Host::Host;
  using Host::Load;
  WeightPtr Load(const std::vector<float>& values, int32_t out, int32_t in,
                 Storage storage = Storage::kBf16) const {
    return Load({.format = WeightFormat::kF32, .out = out, .in = in, .data = values.data()},
                storage);
  }
};

class Gpu : public ::testing::Test {
 protected:
  static std::unique_ptr<Backend> Open(bool graphs = true) {
    auto made = MakeCudaBackend({.device = 0, .graphs = graphs});
    if (!made) {
      ADD_FAILURE() << made.error().message;
      std::abort();
    }
    return *std::move(made);
  }
  void TearDown() override {
    const Status polled = gpu_.be->Poll();
    EXPECT_TRUE(polled.has_value()) << polled.error().message;
  }

  Side ref_{MakeReferenceBackend()};
  Side gpu_{Open()};
};

}  // namespace parley::kernels

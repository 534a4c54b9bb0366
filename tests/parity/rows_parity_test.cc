// Row operations of the fast backend against the reference at awkward widths, strided, and with hostile values.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "parity/two_backends.h"

namespace parley::kernels {
namespace {

using testing::Close;
using testing::Identical;
using testing::kEpsF32;
using testing::Noise;
using testing::ValueTolerance;

constexpr std::array kRows = {1, 2, 19, 99};
constexpr std::array kCols = {1, 7, 111, 128, 500, 1024};
constexpr float kInf = std::numeric_limits<float>::infinity();

class RowsParity : public Parity {
 protected:
  // fn(host, x, out, weight, bias) on both backends over every shape; tolerance(reference value, input value, cols).
  template <class Fn, class Tolerance>
  void Sweep(uint64_t seed, const Fn& fn, const Tolerance& tolerance) {
    Noise noise(seed);
    for (const int32_t rows : kRows) {
      for (const int32_t cols : kCols) {
        const auto n = static_cast<size_t>(rows * cols);
        const std::vector<float> x = noise.Values(n, 8.0F);
        const std::vector<float> w = noise.Values(static_cast<size_t>(cols));
        const std::vector<float> b = noise.Values(static_cast<size_t>(cols));
        const auto run = [&](Host& host) {
          const TensorView out = host.Make(rows, cols, x, 3);
          fn(host, host.Make(rows, cols, x, 5), out, host.Make(1, cols, w), host.Make(1, cols, b));
          return host.Values(out);
        };
        const std::vector<float> ref = run(ref_);
        std::vector<double> bound;
        for (size_t i = 0; i < n; ++i) bound.push_back(tolerance(ref[i], x[i], cols));
        EXPECT_TRUE(Close(run(fast_), ref, bound)) << rows << " x " << cols << " seed " << seed;
      }
    }
  }
};

// A norm divides by a sum of n squares: half of that sum's relative error, and a few roundings.
double NormTolerance(float ref, float, int32_t cols) {
  return (0.25 * cols + 8) * kEpsF32 * (std::fabs(static_cast<double>(ref)) + 1);
}

TEST_P(RowsParity, RmsNorm) {
  Sweep(
      1,
      [](Host& h, const TensorView& x, const TensorView& out, const TensorView& w,
         const TensorView&) { h.be->RmsNorm(x, w, 1e-5F, out); },
      NormTolerance);
}

TEST_P(RowsParity, AddRmsNormIsItsTwoParts) {
  Noise noise(2);
  const std::vector<float> x = noise.Values(19 * 111);
  const std::vector<float> d = noise.Values(19 * 111);
  const std::vector<float> w = noise.Values(111);
  const TensorView a = fast_.Make(19, 111, x);
  const TensorView b = fast_.Make(19, 111, x);
  const TensorView delta = fast_.Make(19, 111, d);
  const TensorView weight = fast_.Make(1, 111, w);
  const TensorView fused = fast_.Make(19, 111, {});
  const TensorView parts = fast_.Make(19, 111, {});
  fast_.be->AddRmsNorm(a, delta, weight, 1e-6F, fused);
  fast_.be->Add(b, delta);
  fast_.be->RmsNorm(b, weight, 1e-6F, parts);
  EXPECT_TRUE(Identical(fast_.Values(fused), fast_.Values(parts)));
  EXPECT_TRUE(Identical(fast_.Values(a), fast_.Values(b)));
}

TEST_P(RowsParity, LayerNorm) {
  Sweep(
      3,
      [](Host& h, const TensorView& x, const TensorView& out, const TensorView& w,
         const TensorView& b) { h.be->LayerNorm(x, w, b, 1e-5F, out); },
      [](float ref, float x,
         int32_t cols) {  // a single column is 0 / sqrt(eps): any rounding of the mean is seen
        return NormTolerance(ref, x, cols) + (cols == 1 ? 1e-4 : 0.0);
      });
}

TEST_P(RowsParity, LayerNormKeepsWhatALargeMeanHides) {
  std::vector<float> x(512);
  Noise noise(4);
  for (float& v : x) v = 1000.0F + noise.Next();
  const auto run = [&](Host& h) {
    const TensorView out = h.Make(1, 512, {});
    h.be->LayerNorm(h.Make(1, 512, x), {}, {}, 1e-5F, out);
    return h.Values(out);
  };
  // the mean itself rounds to about 1000 eps, against a spread of 0.6
  EXPECT_TRUE(Close(run(fast_), run(ref_), std::vector<double>(512, 1000 * kEpsF32 * 8)));
}

TEST_P(RowsParity, Gelu) {
  Sweep(
      5,
      [](Host& h, const TensorView&, const TensorView& out, const TensorView&, const TensorView&) {
        h.be->Gelu(out);
      },
      // relative to the result, and where the tail is tiny to the exponent z² whose rounding is exponentiated
      [](float ref, float x, int32_t) {
        return (6.0 + 2.0 * x * x) * kEpsF32 * std::fabs(static_cast<double>(ref)) + 1e-37;
      });
}

TEST_P(RowsParity, SwiGlu) {
  Noise noise(6);
  for (const int32_t rows : kRows) {
    for (const int32_t cols : kCols) {
      const std::vector<float> x = noise.Values(static_cast<size_t>(2 * rows * cols), 12.0F);
      const auto run = [&](Host& h) {
        const TensorView out = h.Make(rows, cols, {}, 2);
        h.be->SwiGlu(h.Make(rows, 2 * cols, x, 4), out);
        return h.Values(out);
      };
      const std::vector<float> ref = run(ref_);
      std::vector<double> bound;
      for (const float v : ref) bound.push_back(2 * ValueTolerance(v));
      EXPECT_TRUE(Close(run(fast_), ref, bound));
    }
  }
}

TEST_P(RowsParity, ActivationsOfExtremes) {
  const std::vector<float> x = {0.0F,   -0.0F,  1e-40F,  -1e-40F, 20.0F,  -20.0F, 90.0F,
                                -90.0F, 200.0F, -200.0F, 1e30F,   -1e30F, kInf};
  const auto n = static_cast<int32_t>(x.size());
  const auto gelu = [&](Host& h) {
    const TensorView v = h.Make(1, n, x);
    h.be->Gelu(v);
    return h.Values(v);
  };
  std::vector<double> bound;
  for (const float v : gelu(ref_)) bound.push_back(ValueTolerance(v) + 1e-37);
  EXPECT_TRUE(Close(gelu(fast_), gelu(ref_), bound));
  const auto swiglu = [&](Host& h) {
    std::vector<float> both = x;
    both.insert(both.end(), x.size(), 1.0F);
    const TensorView out = h.Make(1, n, {});
    h.be->SwiGlu(h.Make(1, 2 * n, both), out);
    return h.Values(out);
  };
  bound.clear();
  for (const float v : swiglu(ref_))
    bound.push_back(ValueTolerance(v) + 1e-35);  // exp overflows below -88
  EXPECT_TRUE(Close(swiglu(fast_), swiglu(ref_), bound));
}

TEST_P(RowsParity, PlainOnesAreTheSameBits) {
  Sweep(
      7,
      [](Host& h, const TensorView& x, const TensorView& out, const TensorView&,
         const TensorView& b) {
        h.be->Add(out, x);
        h.be->Add(out, b);
        h.be->Relu(out);
      },
      [](float, float, int32_t) { return 0.0; });
  Noise noise(8);
  const std::vector<float> x = noise.Values(19 * 111);
  const auto pool = [&](Host& h) {
    const TensorView out = h.Make(9, 111, {}, 2);
    h.be->AvgPool2(h.Make(19, 111, x, 3), out);
    return h.Values(out);
  };
  EXPECT_TRUE(Identical(pool(fast_), pool(ref_)));
}

TEST_P(RowsParity, CopyConvertsAsTheReference) {
  Noise noise(9);
  const std::vector<float> x = noise.Values(5 * 37);
  for (const DType type : {DType::kF32, DType::kBf16, DType::kF16}) {
    const auto run = [&](Host& h) {
      const Tensor narrow = h.be->Allocate(type, 5, 37);
      h.be->Copy(h.Make(5, 37, x, 4), narrow);
      return h.Values(narrow);
    };
    EXPECT_TRUE(Identical(run(fast_), run(ref_)));
  }
}

TEST_P(RowsParity, Rope) {
  Noise noise(10);
  const std::vector<int32_t> position = {0, 1, 15, 16, 4095, 4096, 9999, 3};
  const std::vector<int32_t> seq(position.size(), 0);
  const StepBatch batch{.rows = 8, .position = position.data(), .row_seq = seq.data()};
  for (const RopeStyle style : {RopeStyle::kHalfSplit, RopeStyle::kInterleaved}) {
    for (const int32_t dim : {2, 10, 64, 80}) {
      const std::vector<float> x = noise.Values(static_cast<size_t>(8 * 3 * dim));
      const auto run = [&](Host& h) {
        const TensorView v = h.Make(8, 3 * dim, x, 4);
        h.be->Rope(v, {.theta = 100000.0F, .head_dim = dim, .style = style}, batch);
        return h.Values(v);
      };
      EXPECT_TRUE(Close(run(fast_), run(ref_), std::vector<double>(x.size(), ValueTolerance(2.0))));
    }
  }
}

TEST_P(RowsParity, TopKIsExact) {
  Noise noise(11);
  for (const int32_t cols : {1, 7, 49, 1000}) {
    std::vector<float> x = noise.Values(static_cast<size_t>(4 * cols));
    for (size_t i = 0; i < x.size(); ++i) {
      if (noise.Below(5) == 0) x[i] = 0.5F;  // ties
      if (noise.Below(9) == 0) x[i] = -kInf;
      if (noise.Below(11) == 0) x[i] = std::nanf("");
    }
    for (int32_t c = 0; c < cols; ++c) x[static_cast<size_t>(c)] = -kInf;  // a row of nothing else
    for (const int32_t k : {1, 2, 7, 40, cols}) {
      if (k > cols) continue;
      const auto run = [&](Host& h, std::vector<int32_t>& ids) {
        std::vector<float> values(static_cast<size_t>(4 * k));
        ids.resize(values.size());
        h.be->TopK(h.Make(4, cols, x, 3), k, ids, values);
        return values;
      };
      std::vector<int32_t> a;
      std::vector<int32_t> b;
      EXPECT_TRUE(Identical(run(fast_, a), run(ref_, b)));
      EXPECT_EQ(a, b) << cols << " " << k;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, RowsParity, ::testing::ValuesIn(Devices()), PrintDevice);

}  // namespace
}  // namespace parley::kernels

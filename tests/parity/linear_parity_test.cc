// Products: the fast backend against the reference at awkward sizes, and against itself at every number of rows.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "parity/two_backends.h"

namespace parley::kernels {
namespace {

using testing::Bf16DotTolerance;
using testing::Close;
using testing::DotTolerance;
using testing::Identical;
using testing::Noise;

constexpr std::array kRows = {1, 2, 3, 4, 5, 8, 19, 99};

struct Shape {
  int32_t in;
  int32_t out;
};
constexpr std::array kGroupShapes = {Shape{32, 1}, Shape{64, 33}, Shape{576, 97}, Shape{1536, 17}};
constexpr std::array kDenseShapes = {Shape{1, 1}, Shape{7, 15}, Shape{64, 33}, Shape{111, 130},
                                     Shape{576, 97}};

void PutHalf(std::vector<uint8_t>& bytes, float v) {
  const uint16_t bits = FloatToHalf(v);
  bytes.push_back(static_cast<uint8_t>(bits));
  bytes.push_back(static_cast<uint8_t>(bits >> 8));
}

constexpr float kMostScale = 0.02F;
constexpr float kMostMin = 0.1F;

// A grouped file of random integers; scales are random, or one where the test wants whole results.
std::vector<uint8_t> GroupedBytes(WeightFormat format, Shape shape, Noise& noise, bool unit_scale) {
  std::vector<uint8_t> bytes;
  for (int32_t g = 0; g < shape.out * (shape.in / 32); ++g) {
    PutHalf(bytes, unit_scale ? 1.0F : noise.Next() * kMostScale);
    if (format == WeightFormat::kQ4_1) PutHalf(bytes, unit_scale ? 1.0F : noise.Next() * kMostMin);
    const int values = format == WeightFormat::kQ8_0 ? 32 : 16;
    for (int i = 0; i < values; ++i) bytes.push_back(static_cast<uint8_t>(noise.Below(256)));
  }
  return bytes;
}

constexpr std::array kGroupFormats = {WeightFormat::kQ4_0, WeightFormat::kQ4_1,
                                      WeightFormat::kQ8_0};

class LinearParity : public Parity {
 protected:
  std::vector<float> Run(Host& host, const Weight& w, int32_t rows, const std::vector<float>& x,
                         const std::vector<float>& bias = {}) {
    const TensorView in = host.Make(rows, w.in(), x, 6);
    const TensorView b = bias.empty() ? TensorView{} : host.Make(1, w.out(), bias);
    const TensorView out = host.Make(rows, w.out(), {}, 5);
    host.be->Linear(in, w, b, out);
    return host.Values(out);
  }

  // Tolerance of every output, from the magnitudes that are added: |x w|, the bias (at most 1), and half a quantum of
  // the activation. With a min the two terms of a group are rounded apart: their magnitudes count, not their sum.
  std::vector<double> Tolerance(const Weight& w, int32_t rows, const std::vector<float>& x,
                                bool bf16, bool has_min) {
    std::vector<int32_t> ids(static_cast<size_t>(w.out()));
    for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(i);
    const TensorView table = ref_.Make(w.out(), w.in(), {});
    ref_.be->Embed(w, ids, table);
    const double least = has_min ? 15 * kMostScale + kMostMin : 0.0;
    std::vector<double> tolerance;
    for (int32_t r = 0; r < rows; ++r) {
      const float* row = x.data() + static_cast<ptrdiff_t>(r) * w.in();
      double largest = 0.0;
      for (int32_t k = 0; k < w.in(); ++k) largest = std::max<double>(largest, std::fabs(row[k]));
      for (int32_t o = 0; o < w.out(); ++o) {
        double magnitude = 1.0;
        for (int32_t k = 0; k < w.in(); ++k) {
          magnitude += (std::fabs(static_cast<double>(row[k])) + largest / 127) *
                       std::max<double>(least, std::fabs(table.F32(o)[k]));
        }
        tolerance.push_back(bf16 ? Bf16DotTolerance(magnitude, w.in())
                                 : DotTolerance(magnitude, w.in()));
      }
    }
    return tolerance;
  }

  void Compare(const WeightSource& source, Storage storage, int32_t rows, Noise& noise) {
    const WeightPtr a = ref_.Load(source, storage);
    const WeightPtr b = fast_.Load(source, storage);
    const std::vector<float> x = noise.Values(static_cast<size_t>(rows * source.in));
    const std::vector<float> bias = noise.Values(static_cast<size_t>(source.out));
    const std::vector<double> tolerance =
        Tolerance(*a, rows, x, storage == Storage::kBf16, source.format == WeightFormat::kQ4_1);
    EXPECT_TRUE(Close(Run(fast_, *b, rows, x, bias), Run(ref_, *a, rows, x, bias), tolerance))
        << "rows " << rows << " in " << source.in << " out " << source.out;
  }
};

TEST_P(LinearParity, GroupedAgreesWithReference) {
  Noise noise(1);
  for (const WeightFormat format : kGroupFormats) {
    for (const Shape shape : kGroupShapes) {
      const std::vector<uint8_t> bytes = GroupedBytes(format, shape, noise, false);
      const WeightSource source{
          .format = format, .out = shape.out, .in = shape.in, .data = bytes.data()};
      for (const int32_t rows : kRows) Compare(source, Storage::kAsIs, rows, noise);
    }
  }
}

// Unit scales in the file and a power of two in the activations make every product a whole number below 2^24 times
// that power: any wrong integer sum changes the result, and no order of float adds can. The activations are either
// small everywhere, or of all 16 bits in as many places of one group as stay below 2^24.
TEST_P(LinearParity, GroupedIntegerSumsAreExact) {
  Noise noise(2);
  for (const WeightFormat format : kGroupFormats) {
    const uint32_t wide_places = format == WeightFormat::kQ8_0 ? 4 : 31;
    for (const Shape shape : {Shape{32, 17}, Shape{192, 40}}) {
      const std::vector<uint8_t> bytes = GroupedBytes(format, shape, noise, true);
      const WeightSource source{
          .format = format, .out = shape.out, .in = shape.in, .data = bytes.data()};
      const WeightPtr a = ref_.Load(source);
      const WeightPtr b = fast_.Load(source);
      for (const int32_t rows : kRows) {
        std::vector<float> x(static_cast<size_t>(rows * shape.in));
        for (size_t i = 0; i < x.size(); ++i) {
          const size_t row = i / static_cast<size_t>(shape.in);
          const size_t k = i % static_cast<size_t>(shape.in);
          const size_t group = row % static_cast<size_t>(shape.in / 32);
          const bool anchor = k == group * 32;  // the largest of the row: scale 2^-3
          const bool within = k > group * 32 && k < group * 32 + wide_places;
          const float wide = row % 2 == 0 ? (within ? 32512.0F : 0.0F) : 400.0F;
          const float value = std::round(noise.Next() * wide);
          x[i] = 0.125F * (anchor ? (noise.Below(2) != 0 ? 32512.0F : -32512.0F) : value);
        }
        EXPECT_TRUE(Identical(Run(fast_, *b, rows, x), Run(ref_, *a, rows, x))) << "rows " << rows;
      }
    }
  }
}

TEST_P(LinearParity, RowIntegerSumsAreExact) {
  Noise noise(3);
  for (const Shape shape : {Shape{3, 5}, Shape{66, 33}, Shape{512, 70}}) {
    std::vector<int8_t> q(static_cast<size_t>(shape.in * shape.out));
    for (int8_t& v : q) v = static_cast<int8_t>(noise.Below(256));
    const std::vector<float> scale(static_cast<size_t>(shape.out), 0.5F);
    const WeightSource source{.format = WeightFormat::kI8Row,
                              .out = shape.out,
                              .in = shape.in,
                              .data = q.data(),
                              .row_scale = scale.data()};
    const WeightPtr a = ref_.Load(source);
    const WeightPtr b = fast_.Load(source);
    for (const int32_t rows : kRows) {
      std::vector<float> x(static_cast<size_t>(rows * shape.in));
      for (size_t i = 0; i < x.size(); ++i) {
        x[i] = i % static_cast<size_t>(shape.in) == 0 ? -127.0F : std::round(noise.Next() * 126);
      }
      EXPECT_TRUE(Identical(Run(fast_, *b, rows, x), Run(ref_, *a, rows, x))) << "rows " << rows;
    }
  }
}

TEST_P(LinearParity, QuantisesActivationsAsTheReference) {
  Noise noise(4);
  // The identity shows the quantised activations themselves: 1 on the diagonal, by rows and by groups.
  constexpr int32_t kIn = 64;
  std::vector<int8_t> q(kIn * kIn, 0);
  std::vector<uint8_t> grouped;
  for (int32_t i = 0; i < kIn; ++i) {
    q[static_cast<size_t>(i * kIn + i)] = 1;
    for (int32_t k = 0; k < kIn; ++k) {
      if (k % 32 == 0) PutHalf(grouped, 1.0F);
      grouped.push_back(k == i ? 1 : 0);
    }
  }
  const std::vector<float> one(kIn, 1.0F);
  std::vector<float> x = noise.Values(50 * kIn);
  for (size_t i = 0; i < 10 * kIn; ++i)
    x[i] = std::ldexp(x[i], static_cast<int>(noise.Below(60)) - 30);
  for (size_t i = 10 * kIn; i < 11 * kIn; ++i) x[i] = (static_cast<float>(i % 128) + 0.5F);  // ties
  for (size_t i = 11 * kIn; i < 12 * kIn;
       ++i)  // every low byte, and the ties between two high ones
    x[i] = i == 11 * kIn ? 32512.0F : static_cast<float>(i) * 128.0F - 90112.0F;
  for (const WeightSource& source :
       {WeightSource{.format = WeightFormat::kI8Row,
       .out = kIn,
       .in = kIn,
       .data = q.data(),
       .row_scale = one.data()},
        WeightSource{
            .format = WeightFormat::kQ8_0, .out = kIn, .in = kIn, .data = grouped.data()}}) {
    const WeightPtr a = ref_.Load(source);
    const WeightPtr b = fast_.Load(source);
    // a * s is one rounding in both, so equal integers and scales give equal bits
    EXPECT_TRUE(Identical(Run(fast_, *b, 50, x), Run(ref_, *a, 50, x)))
        << static_cast<int>(source.format);
  }
}

TEST_P(LinearParity, DenseAgreesWithReference) {
  Noise noise(5);
  for (const Storage storage : {Storage::kF32, Storage::kBf16, Storage::kI8Row}) {
    for (const Shape shape : kDenseShapes) {
      const std::vector<float> w = noise.Values(static_cast<size_t>(shape.in * shape.out));
      const WeightSource source{
          .format = WeightFormat::kF32, .out = shape.out, .in = shape.in, .data = w.data()};
      for (const int32_t rows : kRows) Compare(source, storage, rows, noise);
    }
  }
}

TEST_P(LinearParity, RowDoesNotDependOnTheRowsBesideIt) {
  Noise noise(6);
  constexpr int32_t kMost = 99;
  for (const Storage storage :
       {Storage::kF32, Storage::kBf16, Storage::kGroup8, Storage::kI8Row, Storage::kAsIs}) {
    const Shape shape{192, 83};
    const std::vector<float> w = noise.Values(static_cast<size_t>(shape.in * shape.out));
    const std::vector<uint8_t> bytes = GroupedBytes(WeightFormat::kQ4_1, shape, noise, false);
    WeightSource source{
        .format = WeightFormat::kF32, .out = shape.out, .in = shape.in, .data = w.data()};
    if (storage == Storage::kAsIs) {
      source.format = WeightFormat::kQ4_1;
      source.data = bytes.data();
    }
    const WeightPtr weight = fast_.Load(source, storage);
    const std::vector<float> x = noise.Values(static_cast<size_t>(kMost * shape.in));
    const std::vector<float> all = Run(fast_, *weight, kMost, x);
    for (const int32_t rows : kRows) {
      const std::span<const float> last = std::span(x).last(static_cast<size_t>(rows * shape.in));
      EXPECT_TRUE(Identical(Run(fast_, *weight, rows, {last.begin(), last.end()}),
                            std::span(all).last(static_cast<size_t>(rows * shape.out))))
          << "rows " << rows << " storage " << static_cast<int>(storage);
    }
  }
}

TEST_P(LinearParity, HostileActivations) {
  Noise noise(7);
  const Shape shape{64, 20};
  const std::vector<float> w = noise.Values(static_cast<size_t>(shape.in * shape.out));
  const WeightSource source{
      .format = WeightFormat::kF32, .out = shape.out, .in = shape.in, .data = w.data()};
  const float inf = std::numeric_limits<float>::infinity();
  for (const Storage storage : {Storage::kF32, Storage::kGroup8, Storage::kI8Row}) {
    const WeightPtr a = ref_.Load(source, storage);
    const WeightPtr b = fast_.Load(source, storage);
    std::vector<float> x(7 * 64, 0.0F);                                      // row 0: zeros
    for (size_t i = 0; i < 64; ++i) x[64 + i] = i == 3 ? 1e30F : 1e-3F;      // one dominant value
    for (size_t i = 0; i < 64; ++i) x[2 * 64 + i] = std::ldexp(1.0F, -140);  // denormals
    x[3 * 64 + 5] = inf;
    x[4 * 64 + 40] = -inf;
    x[5 * 64 + 63] = std::nanf("");
    for (size_t i = 0; i < 64; ++i) x[6 * 64 + i] = 3e37F;
    const std::vector<float> fast = Run(fast_, *b, 7, x);
    const std::vector<float> ref = Run(ref_, *a, 7, x);
    std::vector<double> tolerance(fast.size());
    for (size_t i = 0; i < tolerance.size(); ++i) tolerance[i] = 1e-4 * std::fabs(ref[i]) + 1e-36;
    for (size_t i = 6 * 20; i < tolerance.size(); ++i) tolerance[i] = DotTolerance(64 * 3e37, 64);
    for (size_t i = 20; i < 40; ++i) tolerance[i] = DotTolerance(1e30, 64);
    EXPECT_TRUE(Close(fast, ref, tolerance)) << static_cast<int>(storage);
  }
}

TEST_P(LinearParity, StackedSourcesOfDifferentKinds) {
  Noise noise(8);
  const Shape first{64, 32};
  const Shape second{64, 21};
  const std::vector<uint8_t> four = GroupedBytes(WeightFormat::kQ4_1, first, noise, false);
  const std::vector<uint8_t> more = GroupedBytes(WeightFormat::kQ4_1, second, noise, false);
  const std::vector<uint8_t> eight = GroupedBytes(WeightFormat::kQ8_0, second, noise, false);
  const WeightSource sources[] = {
      {.format = WeightFormat::kQ4_1, .out = 32, .in = 64, .data = four.data()},
      {.format = WeightFormat::kQ4_1, .out = 21, .in = 64, .data = more.data()},
      {.format = WeightFormat::kQ8_0, .out = 21, .in = 64, .data = eight.data()},
      {.format = WeightFormat::kQ4_1, .out = 32, .in = 64, .data = four.data()}};
  auto a = ref_.be->LoadWeight(sources, Storage::kAsIs);
  auto b = fast_.be->LoadWeight(sources, Storage::kAsIs);
  ASSERT_TRUE(a.has_value() && b.has_value());
  ASSERT_EQ((*b)->out(), 106);
  const std::vector<float> x = noise.Values(3 * 64);
  const std::vector<float> bias = noise.Values(106);
  const std::vector<double> tolerance = Tolerance(**a, 3, x, false, true);
  EXPECT_TRUE(Close(Run(fast_, **b, 3, x, bias), Run(ref_, **a, 3, x, bias), tolerance));
}

TEST_P(LinearParity, EmbeddingsAreTheSameBits) {
  Noise noise(9);
  const Shape shape{96, 37};
  const std::vector<int32_t> ids = {0, 36, 15, 16, 17, 5};
  const auto compare = [&](const WeightSource& source, Storage storage) {
    const TensorView a = ref_.Make(6, shape.in, {}, 3);
    const TensorView b = fast_.Make(6, shape.in, {}, 3);
    ref_.be->Embed(*ref_.Load(source, storage), ids, a);
    fast_.be->Embed(*fast_.Load(source, storage), ids, b);
    EXPECT_TRUE(Identical(fast_.Values(b), ref_.Values(a)));
  };
  for (const WeightFormat format : kGroupFormats) {
    const std::vector<uint8_t> bytes = GroupedBytes(format, shape, noise, false);
    compare({.format = format, .out = shape.out, .in = shape.in, .data = bytes.data()},
            Storage::kAsIs);
  }
  const std::vector<float> w = noise.Values(static_cast<size_t>(shape.in * shape.out));
  for (const Storage storage : {Storage::kF32, Storage::kBf16, Storage::kGroup8, Storage::kI8Row}) {
    compare({.format = WeightFormat::kF32, .out = shape.out, .in = shape.in, .data = w.data()},
            storage);
  }
}

TEST_P(LinearParity, ConvolutionAgreesWithReference) {
  Noise noise(10);
  for (const ConvParams params :
       {ConvParams{3, 1, 1}, ConvParams{3, 2, 1}, ConvParams{1, 1, 0}, ConvParams{5, 3, 2}}) {
    constexpr int32_t kFrames = 41;
    constexpr int32_t kChannels = 19;
    constexpr int32_t kOut = 34;
    const int32_t in = params.kernel * kChannels;
    const std::vector<float> w = noise.Values(static_cast<size_t>(in * kOut));
    const std::vector<float> bias = noise.Values(kOut);
    const std::vector<float> x = noise.Values(kFrames * kChannels);
    const int32_t rows = (kFrames + 2 * params.pad - params.kernel) / params.stride + 1;
    const auto run = [&](Host& host) {
      const WeightPtr weight =
          host.Load({.format = WeightFormat::kF32, .out = kOut, .in = in, .data = w.data()});
      const TensorView out = host.Make(rows, kOut, {});
      host.be->Conv1d(host.Make(kFrames, kChannels, x, 2), *weight, host.Make(1, kOut, bias),
                      params, out);
      return host.Values(out);
    };
    const std::vector<float> ref = run(ref_);
    EXPECT_TRUE(Close(run(fast_), ref, std::vector<double>(ref.size(), DotTolerance(in, in))));
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, LinearParity, ::testing::ValuesIn(Devices()), PrintDevice);

}  // namespace
}  // namespace parley::kernels

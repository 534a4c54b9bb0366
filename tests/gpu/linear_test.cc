// Products on the GPU against the reference: every number of rows around the kernels' limits, odd widths, strides, biases,
// bf16 and fp8, plain and with SwiGLU.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "gpu/gpu_bed.h"

namespace parley::kernels {
namespace {

using testing::Close;

struct Shape {
  int32_t out, in;
};

// sum_k |x_k w_k| of every output, and the bias.
std::vector<double> Magnitudes(const std::vector<float>& x, const std::vector<float>& w,
                               const std::vector<float>& bias, int32_t rows, const Shape& s) {
  std::vector<double> all;
  for (int32_t r = 0; r < rows; ++r) {
    for (int32_t o = 0; o < s.out; ++o) {
      double sum = bias.empty() ? 0.0 : std::fabs(bias[static_cast<size_t>(o)]);
      for (int32_t k = 0; k < s.in; ++k) {
        sum += std::fabs(
            static_cast<double>(x[static_cast<size_t>(r * s.in + k)]) *
            w[static_cast<size_t>(o) * static_cast<size_t>(s.in) + static_cast<size_t>(k)]);
      }
      all.push_back(sum);
    }
  }
  return all;
}

class GpuLinear : public Gpu {
 protected:
  // x and w are exactly bf16, so what differs is the order of the f32 sum and, in bf16, the rounding of the result.
  void Check(int32_t rows, const Shape& s, bool with_bias, int32_t gap, DType type, Storage storage,
             const std::vector<float>& w) {
    SCOPED_TRACE(::testing::Message()
                 << rows << " rows of " << s.in << " to " << s.out << " gap " << gap);
    const std::vector<float> x = Bf16Values(static_cast<size_t>(rows * s.in), 11);
    const std::vector<float> bias =
        with_bias ? Bf16Values(static_cast<size_t>(s.out), 13) : std::vector<float>();
    std::vector<float> results[2];
    for (Side* side : {&ref_, &gpu_}) {
      const bool device = side == &gpu_;
      const WeightPtr weight = side->Load(w, s.out, s.in, storage);
      const TensorView in = side->Make(rows, s.in, x, gap, device ? type : DType::kF32);
      const TensorView b = with_bias ? side->Make(1, s.out, bias) : TensorView();
      const TensorView out =
          side->Make(rows, s.out, std::vector<float>(static_cast<size_t>(rows * s.out), NAN), gap,
                     device ? type : DType::kF32);
      side->be->Linear(in, *weight, b, out);
      results[device ? 1 : 0] = side->Values(out);
    }
    std::vector<double> tolerance = Magnitudes(x, w, bias, rows, s);
    for (size_t i = 0; i < tolerance.size(); ++i) {
      // cuBLASLt adds the bias to what it has rounded already: two roundings of the result's type.
      const double result = std::fabs(results[0][i]) + (with_bias ? 2.0 : 0.0);
      // More rows than the decode kernels take of fp8: weights are rounded to bf16 on their way to the library.
      const double rounded =
          storage == Storage::kFp8Row && rows > 64 ? 0.5 * testing::kEpsBf16 : 0.0;
      tolerance[i] = 2.0 * testing::DotTolerance(1.1 * tolerance[i], s.in) +
                     rounded * tolerance[i] +
                     (type == DType::kBf16 ? 1.01 * testing::kEpsBf16 * result : 0.0);
    }
    EXPECT_TRUE(Close(results[1], results[0], tolerance));
  }
};

constexpr int32_t kRowCounts[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 32, 33, 64, 65};

TEST_F(GpuLinear, Bf16AtEveryRowCount) {
  for (const Shape& s : {Shape{64, 128}, Shape{136, 576}, Shape{24, 3584}, Shape{1000, 48},
                         Shape{7168, 64}, Shape{5120, 128}}) {
    const auto w = Bf16Values(static_cast<size_t>(s.out * s.in), 5);
    for (const int32_t rows : kRowCounts) {
      Check(rows, s, rows % 2 == 1, 0, DType::kBf16, Storage::kBf16, w);
      Check(rows, s, rows % 2 == 0, 8, DType::kF32, Storage::kBf16, w);
    }
  }
}

TEST_F(GpuLinear, OddWidthsAndStrides) {
  for (const Shape& s : {Shape{1, 1}, Shape{7, 20}, Shape{33, 75}, Shape{130, 250}}) {
    const auto w = Bf16Values(static_cast<size_t>(s.out * s.in), 6);
    for (const int32_t rows : {1, 5, 16, 19}) {
      Check(rows, s, true, 3, DType::kF32, Storage::kBf16, w);
      Check(rows, s, true, 5, DType::kBf16, Storage::kBf16, w);
    }
  }
}

TEST_F(GpuLinear, InputsThatOneBlockCannotHold) {
  const Shape s{48, 27648};  // the down projection's depth: split over blocks
  const auto w = Bf16Values(static_cast<size_t>(s.out) * static_cast<size_t>(s.in), 7, 0.05F);
  for (const int32_t rows : {1, 8, 16, 32}) {
    Check(rows, s, false, 0, DType::kBf16, Storage::kBf16, w);
    Check(rows, s, false, 0, DType::kBf16, Storage::kFp8Row, w);
    Check(rows, s, false, 0, DType::kBf16, Storage::kFp8Row, w);  // counters were left at zero
  }
}

TEST_F(GpuLinear, Fp8AtEveryRowCount) {
  for (const Shape& s : {Shape{64, 128}, Shape{136, 576}, Shape{24, 3584}, Shape{33, 75},
                         Shape{7168, 128}, Shape{5120, 80}}) {
    auto w = Bf16Values(static_cast<size_t>(s.out * s.in), 8, 0.02F);
    for (size_t i = 0; i < w.size(); i += 997) w[i] = ToFloat(ToBf16(w[i] * 500.0F));  // outliers
    for (size_t i = 0; i < static_cast<size_t>(s.in); ++i) w[i] = 0.0F;  // a row of zeros
    for (const int32_t rows : {1, 2, 8, 9, 16, 17, 32, 33, 80}) {
      Check(rows, s, rows % 2 == 1, 0, DType::kF32, Storage::kFp8Row, w);
    }
  }
}

// The rounding of a weight: half a step of 2^-3 relative, or of the least subnormal, 2^-9, times the row's scale.
TEST_F(GpuLinear, Fp8StaysWithinItsBoundOfBf16AlsoWithOutliers) {
  const Shape s{256, 1024};
  auto w = Bf16Values(static_cast<size_t>(s.out * s.in), 9, 0.02F);
  for (size_t i = 3; i < w.size(); i += 1000) w[i] = ToFloat(ToBf16(0.02F * 50.0F));
  const auto x = Bf16Values(static_cast<size_t>(s.in), 10);
  const TensorView in = gpu_.Make(1, s.in, x);
  const TensorView plain = gpu_.Make(1, s.out, {});
  const TensorView narrow = gpu_.Make(1, s.out, {});
  gpu_.be->Linear(in, *gpu_.Load(w, s.out, s.in, Storage::kBf16), {}, plain);
  gpu_.be->Linear(in, *gpu_.Load(w, s.out, s.in, Storage::kFp8Row), {}, narrow);
  std::vector<double> bound;
  for (int32_t o = 0; o < s.out; ++o) {
    double most = 0.0;
    double sum = 0.0;
    const float* row = &w[static_cast<size_t>(o) * static_cast<size_t>(s.in)];
    for (int32_t k = 0; k < s.in; ++k)
      most = std::max(most, std::fabs(static_cast<double>(row[k])));
    for (int32_t k = 0; k < s.in; ++k) {
      const double step = std::max(std::fabs(row[k]) * 0x1p-4, most / 448.0 * 0x1p-10);
      sum += 1.01 * step * std::fabs(x[static_cast<size_t>(k)]);
    }
    bound.push_back(sum + 1e-5);
  }
  EXPECT_TRUE(Close(gpu_.Values(narrow), gpu_.Values(plain), bound));
}

TEST_F(GpuLinear, SwiGluIsTheProductAndThenSwiGlu) {
  for (const Storage storage : {Storage::kBf16, Storage::kFp8Row}) {
    for (const Shape& s : {Shape{2 * 72, 256}, Shape{2 * 1000, 64}, Shape{2 * 13, 576},
                           Shape{2 * 18944, 64}, Shape{2 * 27648, 16}}) {
      const auto w = Bf16Values(static_cast<size_t>(s.out * s.in), 15, 0.1F);
      for (const int32_t rows : {1, 3, 8, 13, 16, 17, 70}) {
        SCOPED_TRACE(::testing::Message() << rows << " rows of " << s.in << " to " << s.out);
        const auto x = Bf16Values(static_cast<size_t>(rows * s.in), 16);
        std::vector<float> results[2];
        for (Side* side : {&ref_, &gpu_}) {
          const DType type = side == &gpu_ ? DType::kBf16 : DType::kF32;
          const WeightPtr weight = side->Load(w, s.out, s.in, storage);
          const TensorView in = side->Make(rows, s.in, x, 0, type);
          const TensorView room = side->Make(rows, s.out, {}, 0, type);
          const TensorView out = side->Make(rows, s.out / 2, {}, 0, type);
          side->be->LinearSwiGlu(in, *weight, room, out);
          results[side == &gpu_ ? 1 : 0] = side->Values(out);
        }
        // The gate and up are off by the f32 sum, or by a bf16 rounding where the product was stored between.
        std::vector<double> tolerance;
        for (const float v : results[0])
          tolerance.push_back(4.0 * testing::kEpsBf16 * std::fabs(v) + 2e-3);
        EXPECT_TRUE(Close(results[1], results[0], tolerance));
      }
    }
  }
}

TEST_F(GpuLinear, SmallActivationsOfFp8KeepTheirDigits) {
  // e4m3 travels through bf16's subnormal range: an input of 1e-20 must lose nothing by it.
  const Shape s{16, 64};
  const auto w = Bf16Values(static_cast<size_t>(s.out * s.in), 21, 1e-3F);
  for (const float scale : {1e-30F, 1e-20F, 1e-3F, 1e10F, 1e30F}) {
    const auto x = Bf16Values(static_cast<size_t>(s.in), 22, scale);
    std::vector<float> results[2];
    for (Side* side : {&ref_, &gpu_}) {
      const TensorView out = side->Make(1, s.out, {});
      side->be->Linear(side->Make(1, s.in, x), *side->Load(w, s.out, s.in, Storage::kFp8Row), {},
                       out);
      results[side == &gpu_ ? 1 : 0] = side->Values(out);
    }
    std::vector<double> tolerance(results[0].size(), 1e-5 * scale * 1e-3 * 64);
    EXPECT_TRUE(Close(results[1], results[0], tolerance)) << scale;
  }
}

// Rows go to f16 by a power of two each: rows of very different sizes in one product, one of zeros, one whose values spread
// over 2^20, and one with an outlier; what f16 cannot hold is 2^-39 of the row's largest value.
TEST_F(GpuLinear, RowsOfFp8HaveTheirOwnSizes) {
  const Shape s{40, 256};
  const auto w = Bf16Values(static_cast<size_t>(s.out * s.in), 31, 0.1F);
  const float sizes[] = {1.0F, 1e-25F, 1e25F, 0.0F, 1.0F, 1.0F};
  std::vector<float> x;
  for (int32_t row = 0; row < 6; ++row) {
    auto values = Bf16Values(static_cast<size_t>(s.in), 40 + static_cast<uint64_t>(row));
    for (size_t k = 0; k < values.size(); ++k) {
      float& v = values[k];
      v = ToFloat(ToBf16(v * sizes[row]));
      if (row == 4) v = std::ldexp(v, -static_cast<int>(k % 21));
    }
    if (row == 5) values[17] = 1e6F;
    if (row == 5) values[17] = ToFloat(ToBf16(values[17]));
    x.insert(x.end(), values.begin(), values.end());
  }
  std::vector<float> results[2];
  for (Side* side : {&ref_, &gpu_}) {
    const DType type = side == &gpu_ ? DType::kBf16 : DType::kF32;
    const TensorView out = side->Make(6, s.out, {});
    side->be->Linear(side->Make(6, s.in, x, 0, type), *side->Load(w, s.out, s.in, Storage::kFp8Row),
                     {}, out);
    results[side == &gpu_ ? 1 : 0] = side->Values(out);
  }
  std::vector<double> tolerance = Magnitudes(x, w, {}, 6, s);
  for (size_t i = 0; i < tolerance.size(); ++i) {
    const size_t row = i / static_cast<size_t>(s.out);
    double most = 0.0;
    for (int32_t k = 0; k < s.in; ++k)
      most = std::max(most, std::fabs(static_cast<double>(
                                x[row * static_cast<size_t>(s.in) + static_cast<size_t>(k)])));
    tolerance[i] =
        2.0 * testing::DotTolerance(1.1 * tolerance[i], s.in) + 0x1p-39 * most * s.in * 0.1;
  }
  EXPECT_TRUE(Close(results[1], results[0], tolerance));
}

TEST_F(GpuLinear, RandomWeightsAreThoseOfTheHost) {
  const WeightSource source{
      .format = WeightFormat::kBf16, .out = 40, .in = 96, .random_seed = 77, .random_scale = 0.25F};
  const std::vector<float> x = Bf16Values(96, 2);
  std::vector<float> results[2];
  for (Side* side : {&ref_, &gpu_}) {
    auto weight = side->be->LoadWeight({&source, 1}, Storage::kAsIs);
    ASSERT_TRUE(weight.has_value());
    const TensorView out = side->Make(1, 40, {});
    side->be->Linear(side->Make(1, 96, x), **weight, {}, out);
    results[side == &gpu_ ? 1 : 0] = side->Values(out);
  }
  EXPECT_TRUE(Close(results[1], results[0], std::vector<double>(40, 1e-5)));
}

TEST_F(GpuLinear, ValuesThatAreNotFiniteAreCounted) {
  std::vector<uint16_t> bits(64 * 64, 0x3F80);
  bits[5] = 0x7FC0;     // NaN
  bits[4000] = 0x7F80;  // infinity
  const WeightSource source{
      .format = WeightFormat::kBf16, .out = 64, .in = 64, .data = bits.data()};
  const auto weight = gpu_.be->LoadWeight({&source, 1}, Storage::kAsIs);
  ASSERT_FALSE(weight.has_value());
  EXPECT_NE(weight.error().message.find("2 of 4096"), std::string::npos) << weight.error().message;
}

}  // namespace
}  // namespace parley::kernels

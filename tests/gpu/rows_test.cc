// Operations over rows and values on the GPU against the reference, at widths around the kernels' limits and with strides.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <functional>

#include "gpu/gpu_bed.h"

namespace parley::kernels {
namespace {

using testing::Close;

class GpuRows : public Gpu {
 protected:
  using Op = std::function<void(Backend&, const TensorView& x, const TensorView& delta,
                                const TensorView& weight, const TensorView& out)>;
  // Runs on both sides at several shapes and types; out is compared, and x where the operation changes it.
  void Check(const Op& op, double tolerance_of_one, int out_div = 1, int out_cols_div = 1) {
    struct Shape {
      int32_t rows, cols, gap;
    };
    for (const Shape& s : {Shape{1, 8, 0}, Shape{3, 5120, 0}, Shape{2, 576, 4}, Shape{5, 76, 3},
                           Shape{4, 18944, 0}, Shape{33, 130, 1}, Shape{6, 2, 0}}) {
      for (const DType type : {DType::kF32, DType::kBf16}) {
        SCOPED_TRACE(::testing::Message() << s.rows << " x " << s.cols << " gap " << s.gap);
        const size_t n = static_cast<size_t>(s.rows) * static_cast<size_t>(s.cols);
        std::vector<float> results[2];
        std::vector<float> changed[2];
        for (Side* side : {&ref_, &gpu_}) {
          const int at = side == &gpu_ ? 1 : 0;
          const DType t = side == &gpu_ ? type : DType::kF32;
          const TensorView x = side->Make(s.rows, s.cols, Bf16Values(n, 1, 4.0F), s.gap);
          const TensorView delta = side->Make(s.rows, s.cols, Bf16Values(n, 2), s.gap, t);
          const TensorView weight =
              side->Make(1, s.cols, Bf16Values(static_cast<size_t>(s.cols), 3));
          const TensorView out = side->Make(s.rows / out_div, s.cols / out_cols_div, {}, s.gap, t);
          op(*side->be, x, delta, weight, out);
          results[at] = side->Values(out);
          changed[at] = side->Values(x);
        }
        const auto within = [&](const std::vector<float>& values, bool rounded) {
          std::vector<double> t;
          for (const float v : values) {
            t.push_back(tolerance_of_one * (1.0 + std::fabs(v)) +
                        (rounded ? 0.51 * testing::kEpsBf16 * std::fabs(v) : 0.0));
          }
          return t;
        };
        EXPECT_TRUE(Close(results[1], results[0], within(results[0], type == DType::kBf16)));
        EXPECT_TRUE(Close(changed[1], changed[0], within(changed[0], false)));
      }
    }
  }
};

TEST_F(GpuRows, RmsNorm) {
  Check([](Backend& b, const TensorView& x, const TensorView&, const TensorView& w,
           const TensorView& out) { b.RmsNorm(x, w, 1e-5F, out); },
        2e-6);
  Check([](Backend& b, const TensorView& x, const TensorView&, const TensorView&,
           const TensorView& out) { b.RmsNorm(x, {}, 1e-5F, out); },
        2e-6);
}

TEST_F(GpuRows, AddRmsNorm) {
  Check([](Backend& b, const TensorView& x, const TensorView& d, const TensorView& w,
           const TensorView& out) { b.AddRmsNorm(x, d, w, 1e-6F, out); },
        2e-6);
}

TEST_F(GpuRows, LayerNorm) {
  Check([](Backend& b, const TensorView& x, const TensorView&, const TensorView& w,
           const TensorView& out) { b.LayerNorm(x, w, w, 1e-5F, out); },
        1e-5);
}

TEST_F(GpuRows, AddAndCopy) {
  Check(
      [](Backend& b, const TensorView& x, const TensorView& d, const TensorView& w,
         const TensorView& out) {
        b.Add(x, d);
        b.Add(x, w);  // one row repeats
        b.Copy(x, out);
      },
      1e-6);
}

TEST_F(GpuRows, SwiGlu) {
  Check([](Backend& b, const TensorView& x, const TensorView&, const TensorView&,
           const TensorView& out) { b.SwiGlu(x, out); },
        4e-6, 1, 2);
}

TEST_F(GpuRows, GeluReluPool) {
  Check(
      [](Backend& b, const TensorView& x, const TensorView&, const TensorView&,
         const TensorView& out) {
        b.Gelu(x);
        b.Copy(x, out);
        b.Relu(x);
      },
      2e-6);
  Check(
      [](Backend& b, const TensorView& x, const TensorView&, const TensorView&,
         const TensorView& out) {
        if (out.rows > 0) b.AvgPool2(x, out);
      },
      1e-6, 2);
}

TEST_F(GpuRows, EmbedReadsBothStorages) {
  const auto table = Bf16Values(100 * 76, 4);
  const std::vector<int32_t> ids = {99, 0, 7, 7, 31};
  for (const Storage storage : {Storage::kBf16, Storage::kFp8Row}) {
    std::vector<float> results[2];
    for (Side* side : {&ref_, &gpu_}) {
      const TensorView out = side->Make(5, 76, {}, 4);
      side->be->Embed(*side->Load(table, 100, 76, storage), ids, out);
      results[side == &gpu_ ? 1 : 0] = side->Values(out);
    }
    EXPECT_TRUE(Close(results[1], results[0], std::vector<double>(results[0].size(), 1e-7)));
  }
}

TEST_F(GpuRows, ConvolutionsOfEveryStride) {
  for (const ConvParams& p : {ConvParams{3, 1, 1}, ConvParams{3, 2, 1}, ConvParams{5, 3, 0}}) {
    const int32_t frames = 41;
    const int32_t in = 24;
    const int32_t out = 40;
    const int32_t rows = (frames + 2 * p.pad - p.kernel) / p.stride + 1;
    std::vector<float> results[2];
    for (Side* side : {&ref_, &gpu_}) {
      const WeightPtr w =
          side->Load(Bf16Values(static_cast<size_t>(out * in * p.kernel), 5), out, in * p.kernel);
      const TensorView y = side->Make(rows, out, {});
      side->be->Conv1d(side->Make(frames, in, Bf16Values(static_cast<size_t>(frames * in), 6)), *w,
                       side->Make(1, out, Bf16Values(static_cast<size_t>(out), 7)), p, y);
      results[side == &gpu_ ? 1 : 0] = side->Values(y);
    }
    EXPECT_TRUE(Close(results[1], results[0], std::vector<double>(results[0].size(), 1e-4)));
  }
}

TEST_F(GpuRows, TopKBreaksTiesByTheLowerIndexAndPutsNanLast) {
  std::vector<float> logits = testing::Noise(8).Values(3 * 1000);
  logits[5] = logits[700] = 3.0F;
  logits[1001] = NAN;
  for (size_t i = 2000; i < 3000; ++i) logits[i] = -0.0F;
  logits[2500] = 0.0F;
  std::vector<int32_t> ids[2];
  for (Side* side : {&ref_, &gpu_}) {
    std::vector<int32_t>& to = ids[side == &gpu_ ? 1 : 0];
    to.resize(3 * 17);
    std::vector<float> values(to.size());
    side->be->TopK(side->Make(3, 1000, logits), 17, to, values);
  }
  EXPECT_EQ(ids[1], ids[0]);
}

}  // namespace
}  // namespace parley::kernels

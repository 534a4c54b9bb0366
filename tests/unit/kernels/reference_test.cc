// The specification pinned to cases computed by hand and to identities, before anything is compared with it.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/backend.h"
#include "support/compare.h"

namespace parley::kernels {
namespace {

using testing::Close;
using testing::Identical;
using testing::Noise;

class Reference : public ::testing::Test {
 protected:
  Tensor Make(int32_t rows, int32_t cols, const std::vector<float>& values) {
    Tensor t = be_->Allocate(DType::kF32, rows, cols);
    be_->Upload(values, t);
    return t;
  }
  std::vector<float> Values(const TensorView& t) {
    std::vector<float> v(static_cast<size_t>(t.rows) * static_cast<size_t>(t.cols));
    be_->Download(t, v);
    return v;
  }
  WeightPtr Load(WeightFormat format, int32_t out, int32_t in, const void* data,
                 Storage storage = Storage::kAsIs, const float* scale = nullptr) {
    const WeightSource source{
        .format = format, .out = out, .in = in, .data = data, .row_scale = scale};
    auto w = be_->LoadWeight({&source, 1}, storage);
    EXPECT_TRUE(w.has_value()) << (w ? "" : w.error().message);
    return w ? *w : nullptr;
  }
  std::vector<float> Product(const Weight& w, int32_t rows, const std::vector<float>& x,
                             const TensorView& bias = {}) {
    const Tensor in = Make(rows, w.in(), x);
    const Tensor out = be_->Allocate(DType::kF32, rows, w.out());
    be_->Linear(in, w, bias, out);
    return Values(out);
  }

  std::unique_ptr<Backend> be_ = MakeReferenceBackend();
};

TEST_F(Reference, LinearByHand) {
  const float w[] = {1, 2, 3, -1, 0.5F, 4};
  const WeightPtr weight = Load(WeightFormat::kF32, 2, 3, w);
  const Tensor bias = Make(1, 2, {10, 20});
  EXPECT_TRUE(
      Identical(Product(*weight, 2, {1, 1, 1, 2, 0, -1}), std::vector<float>{6, 3.5F, -1, -6}));
  EXPECT_TRUE(Identical(Product(*weight, 1, {1, 1, 1}, bias), std::vector<float>{16, 23.5F}));
}

TEST_F(Reference, Q4_0ByHand) {
  // d = 0.5; low nibbles are values 0-15 (q - 8 = -8 + i), high nibbles values 16-31 (all 8, so 0)
  uint8_t block[18] = {0x00, 0x38};
  for (uint8_t i = 0; i < 16; ++i) block[2 + i] = static_cast<uint8_t>(0x80 | i);
  const WeightPtr w = Load(WeightFormat::kQ4_0, 1, 32, block);
  // max|x| = 32512 makes the scale exactly 1: x = 32512 at value 0, 1 at value 9, -3 at value 20
  std::vector<float> x(32, 0.0F);
  x[0] = 32512;
  x[9] = 1;
  x[20] = -3;
  EXPECT_TRUE(Identical(Product(*w, 1, x), std::vector<float>{0.5F * (32512 * -8 + 1 * 1)}));
}

TEST_F(Reference, Q4_1ByHand) {
  // d = 2, m = -1: w = 2 q - 1
  uint8_t block[20] = {0x00, 0x40, 0x00, 0xbc};
  block[4] = 0x5f;  // value 0: q = 15, value 16: q = 5
  const WeightPtr w = Load(WeightFormat::kQ4_1, 1, 32, block);
  std::vector<float> x(32, 0.0F);
  x[0] = 32512;
  x[16] = -2;
  x[31] = 4;  // q = 0: only the min counts
  EXPECT_TRUE(
      Identical(Product(*w, 1, x), std::vector<float>{32512.0F * 29 - 2.0F * 9 + 4.0F * -1}));
  const Tensor row = be_->Allocate(DType::kF32, 1, 32);
  const int32_t id = 0;
  be_->Embed(*w, {&id, 1}, row);
  EXPECT_EQ(Values(row)[0], 29.0F);
  EXPECT_EQ(Values(row)[16], 9.0F);
  EXPECT_EQ(Values(row)[31], -1.0F);
}

TEST_F(Reference, Q8_0RoundsActivationsHalfToEven) {
  uint8_t block[34] = {0x00, 0x3c};  // d = 1
  for (int i = 0; i < 32; ++i) block[2 + i] = 1;
  const WeightPtr w = Load(WeightFormat::kQ8_0, 1, 32, block);
  std::vector<float> x(32, 0.0F);
  x[0] = 32512;
  x[1] = 2.5F;   // -> 2
  x[2] = 3.5F;   // -> 4
  x[3] = -0.5F;  // -> -0
  EXPECT_TRUE(Identical(Product(*w, 1, x), std::vector<float>{32512 + 2 + 4}));
}

TEST_F(Reference, I8RowByHand) {
  const int8_t q[] = {100, -128, 3, 1, 2, 3};
  const float scale[] = {0.5F, 2.0F};
  const WeightPtr w = Load(WeightFormat::kI8Row, 2, 3, q, Storage::kAsIs, scale);
  EXPECT_TRUE(Identical(Product(*w, 1, {127, 1, -2}),
                        std::vector<float>{0.5F * (12700 - 128 - 6), 2.0F * (127 + 2 - 6)}));
}

TEST_F(Reference, PoisonIsSeenInIntegerProducts) {
  const int8_t q[] = {1, 2, 3};
  const float scale[] = {1.0F};
  const WeightPtr w = Load(WeightFormat::kI8Row, 1, 3, q, Storage::kAsIs, scale);
  EXPECT_TRUE(std::isnan(Product(*w, 1, {1, std::numeric_limits<float>::infinity(), 0})[0]));
  EXPECT_TRUE(std::isnan(Product(*w, 1, {1, std::nanf(""), 0})[0]));
  EXPECT_EQ(Product(*w, 1, {0, 0, 0})[0], 0.0F);
  EXPECT_EQ(Product(*w, 1, {0x1p-140F, 0, 0})[0], 0.0F);  // denormal input counts as zero
}

TEST_F(Reference, StorageKeepsWhatTheFileMeans) {
  Noise noise(7);
  const std::vector<float> w = noise.Values(4 * 64);
  const std::vector<float> x = noise.Values(64);
  const std::vector<float> exact = Product(*Load(WeightFormat::kF32, 4, 64, w.data()), 1, x);
  struct Case {
    Storage storage;
    double relative;  // error of one weight and of one activation, relative to the largest value, 1
  };
  for (const Case c : {Case{Storage::kBf16, 0x1p-8}, Case{Storage::kGroup8, 1.1 / 127},
                       Case{Storage::kI8Row, 1.1 / 127}}) {
    const std::vector<float> found =
        Product(*Load(WeightFormat::kF32, 4, 64, w.data(), c.storage), 1, x);
    EXPECT_TRUE(Close(found, exact, std::vector<double>(4, 64 * c.relative)));
    EXPECT_FALSE(Identical(found, exact));  // it did round
  }
}

TEST_F(Reference, StackedSourcesAreTheirRowsInOrder) {
  const float a[] = {1, 2};
  uint16_t b[] = {ToBf16(3).bits, ToBf16(4).bits, ToBf16(5).bits, ToBf16(6).bits};
  const WeightSource sources[] = {{.format = WeightFormat::kF32, .out = 1, .in = 2, .data = a},
                                  {.format = WeightFormat::kBf16, .out = 2, .in = 2, .data = b}};
  auto w = be_->LoadWeight(sources, Storage::kAsIs);
  ASSERT_TRUE(w.has_value());
  EXPECT_EQ((*w)->out(), 3);
  EXPECT_TRUE(Identical(Product(**w, 1, {1, 10}), std::vector<float>{21, 43, 65}));
}

TEST_F(Reference, RefusesWeightsThatCannotBe) {
  const float w[6] = {};
  const auto load = [&](WeightSource a, WeightSource b, Storage storage) {
    const WeightSource both[] = {a, b};
    return be_->LoadWeight(both, storage);
  };
  const WeightSource two{.format = WeightFormat::kF32, .out = 1, .in = 2, .data = w};
  const WeightSource three{.format = WeightFormat::kF32, .out = 1, .in = 3, .data = w};
  EXPECT_EQ(load(two, three, Storage::kAsIs).error().code, Code::kInvalidArgument);
  EXPECT_EQ(load(two, two, Storage::kGroup8).error().code, Code::kUnsupported);
  EXPECT_EQ(be_->LoadWeight({}, Storage::kAsIs).error().code, Code::kInvalidArgument);
  EXPECT_EQ(be_->AllocateKv({.layers = 1, .kv_heads = 0, .head_dim = 4}, 1).error().code,
            Code::kInvalidArgument);
}

TEST_F(Reference, NormsByHand) {
  const Tensor x = Make(1, 4, {1, -2, 3, 4});
  const Tensor w = Make(1, 4, {1, 1, 2, 0});
  const Tensor out = be_->Allocate(DType::kF32, 1, 4);
  be_->RmsNorm(x, w, 0.0F, out);
  const double rms = std::sqrt(30.0 / 4);
  EXPECT_NEAR(Values(out)[1], -2 / rms, 1e-6);
  EXPECT_NEAR(Values(out)[2], 6 / rms, 1e-6);
  EXPECT_EQ(Values(out)[3], 0.0F);
  const Tensor bias = Make(1, 4, {0, 10, 0, 5});
  be_->LayerNorm(x, w, bias, 0.0F, out);  // mean 1.5, variance 5.25
  EXPECT_NEAR(Values(out)[0], -0.5 / std::sqrt(5.25), 1e-6);
  EXPECT_NEAR(Values(out)[1], 10 - 3.5 / std::sqrt(5.25), 1e-6);
  EXPECT_EQ(Values(out)[3], 5.0F);
}

TEST_F(Reference, AddRmsNormIsItsTwoParts) {
  Noise noise(3);
  const std::vector<float> a = noise.Values(14);
  const std::vector<float> d = noise.Values(14);
  const Tensor x = Make(2, 7, a);
  const Tensor y = Make(2, 7, a);
  const Tensor delta = Make(2, 7, d);
  const Tensor w = Make(1, 7, noise.Values(7));
  const Tensor fused = be_->Allocate(DType::kF32, 2, 7);
  const Tensor parts = be_->Allocate(DType::kF32, 2, 7);
  be_->AddRmsNorm(x, delta, w, 1e-5F, fused);
  be_->Add(y, delta);
  be_->RmsNorm(y, w, 1e-5F, parts);
  EXPECT_TRUE(Identical(Values(fused), Values(parts)));
  EXPECT_TRUE(Identical(Values(x), Values(y)));
}

TEST_F(Reference, RopeTurnsPairs) {
  const int32_t positions[] = {0, 3};
  const int32_t seq[] = {0, 0};
  const StepBatch batch{.rows = 2, .position = positions, .row_seq = seq};
  const Tensor x = Make(2, 4, {1, 2, 3, 4, 1, 0, 0, 1});
  be_->Rope(x, {.theta = 100.0F, .head_dim = 4}, batch);
  const std::vector<float> v = Values(x);
  EXPECT_TRUE(Identical(std::span(v).first(4), std::vector<float>{1, 2, 3, 4}));  // position 0
  EXPECT_NEAR(v[4], std::cos(3.0), 1e-6);  // pair (0, 2) turns by 3
  EXPECT_NEAR(v[6], std::sin(3.0), 1e-6);
  EXPECT_NEAR(v[5], -std::sin(0.3), 1e-6);  // pair (1, 3) turns by 3 * 100^(-1/2)
  EXPECT_NEAR(v[7], std::cos(0.3), 1e-6);
  const Tensor y = Make(2, 4, {1, 2, 3, 4, 1, 0, 0, 1});
  be_->Rope(y, {.theta = 100.0F, .head_dim = 4, .style = RopeStyle::kInterleaved}, batch);
  EXPECT_NEAR(Values(y)[4], std::cos(3.0), 1e-6);  // pair (0, 1)
  EXPECT_NEAR(Values(y)[5], std::sin(3.0), 1e-6);
  EXPECT_NEAR(Values(y)[6], -std::sin(0.3), 1e-6);
}

TEST_F(Reference, AttentionOverOneKeyReturnsItsValue) {
  const Tensor q = Make(1, 4, {1, 2, 3, 4});
  const Tensor k = Make(1, 4, {5, 6, 7, 8});
  const Tensor v = Make(1, 4, {9, -1, 0.5F, 2});
  const Tensor out = be_->Allocate(DType::kF32, 1, 4);
  be_->AttendDense(q, k, v, 2, true, out);
  EXPECT_TRUE(Identical(Values(out), Values(v)));
}

TEST_F(Reference, AttentionByHand) {
  // scores 0 and ln 3 * sqrt(1): weights 1/4 and 3/4
  const Tensor q = Make(1, 1, {1});
  const Tensor k = Make(2, 1, {0, std::log(3.0F)});
  const Tensor v = Make(2, 1, {4, 8});
  const Tensor out = be_->Allocate(DType::kF32, 1, 1);
  be_->AttendDense(q, k, v, 1, false, out);
  EXPECT_NEAR(Values(out)[0], 7.0F, 1e-5);
}

TEST_F(Reference, PagedAttentionEqualsDenseAttention) {
  constexpr int32_t kHeads = 4;
  constexpr int32_t kKvHeads = 2;
  constexpr int32_t kDim = 8;
  constexpr int32_t kTokens = 35;
  Noise noise(11);
  auto pool = be_->AllocateKv(
      {.layers = 2, .kv_heads = kKvHeads, .head_dim = kDim, .dtype = DType::kF32}, 5);
  ASSERT_TRUE(pool.has_value());
  const int32_t table[] = {4, 0, 2};
  std::vector<int32_t> position(kTokens);
  const std::vector<int32_t> seq(kTokens, 0);
  for (int32_t i = 0; i < kTokens; ++i) position[static_cast<size_t>(i)] = i;
  const StepBatch batch{.pool = &*pool,
                        .rows = kTokens,
                        .position = position.data(),
                        .row_seq = seq.data(),
                        .seqs = 1,
                        .page_table = table,
                        .max_pages = 3};
  const Tensor q = Make(kTokens, kHeads * kDim, noise.Values(kTokens * kHeads * kDim));
  const Tensor k = Make(kTokens, kKvHeads * kDim, noise.Values(kTokens * kKvHeads * kDim));
  const Tensor v = Make(kTokens, kKvHeads * kDim, noise.Values(kTokens * kKvHeads * kDim));
  be_->AppendKv(k, v, batch, 1);
  const Tensor paged = be_->Allocate(DType::kF32, kTokens, kHeads * kDim);
  be_->Attend(q, batch, 1, paged);
  const Tensor dense = be_->Allocate(DType::kF32, kTokens, kHeads * kDim);
  for (int32_t h = 0; h < kHeads; ++h) {  // grouped queries: two heads share keys and values
    const int32_t kv = h / 2 * kDim;
    be_->AttendDense(q.view().Cols(h * kDim, kDim), k.view().Cols(kv, kDim),
                     v.view().Cols(kv, kDim), kDim, true, dense.view().Cols(h * kDim, kDim));
  }
  EXPECT_TRUE(Identical(Values(paged), Values(dense)));
}

TEST_F(Reference, CopiedPageHoldsTheSame) {
  auto pool = be_->AllocateKv({.layers = 1, .kv_heads = 1, .head_dim = 2, .dtype = DType::kF32}, 2);
  ASSERT_TRUE(pool.has_value());
  auto* memory = static_cast<float*>(pool->memory.get());
  for (int i = 0; i < 64; ++i) memory[i] = static_cast<float>(i);
  be_->CopyPage(*pool, 0, 1);
  EXPECT_EQ(std::memcmp(memory, memory + 64, pool->geometry.page_bytes()), 0);
}

TEST_F(Reference, ActivationsByHand) {
  const Tensor x = Make(1, 4, {0, 1, -1, 30});
  be_->Gelu(x);
  EXPECT_EQ(Values(x)[0], 0.0F);
  EXPECT_NEAR(Values(x)[1], 0.8413447461, 1e-7);
  EXPECT_NEAR(Values(x)[2], -0.1586552539, 1e-7);
  EXPECT_EQ(Values(x)[3], 30.0F);
  const Tensor g = Make(1, 4, {0, 1, 5, 3});
  const Tensor out = be_->Allocate(DType::kF32, 1, 2);
  be_->SwiGlu(g, out);
  EXPECT_EQ(Values(out)[0], 0.0F);
  EXPECT_NEAR(Values(out)[1], 3 / (1 + std::exp(-1.0)), 1e-6);
  const Tensor r = Make(1, 3, {-1, 0, 2});
  be_->Relu(r);
  EXPECT_TRUE(Identical(Values(r), std::vector<float>{0, 0, 2}));
}

TEST_F(Reference, AddRepeatsOneRow) {
  const Tensor x = Make(2, 2, {1, 2, 3, 4});
  const Tensor row = Make(1, 2, {10, 20});
  be_->Add(x, row);
  EXPECT_TRUE(Identical(Values(x), std::vector<float>{11, 22, 13, 24}));
}

TEST_F(Reference, ConvolutionByHand) {
  // one channel in, kernel 3, stride 2, pad 1: windows (0 a b), (b c d)
  const float w[] = {1, 10, 100};
  const WeightPtr weight = Load(WeightFormat::kF32, 1, 3, w);
  const Tensor x = Make(4, 1, {1, 2, 3, 4});
  const Tensor out = be_->Allocate(DType::kF32, 2, 1);
  be_->Conv1d(x, *weight, Make(1, 1, {0.5F}), {.kernel = 3, .stride = 2, .pad = 1}, out);
  EXPECT_TRUE(Identical(Values(out), std::vector<float>{210.5F, 432.5F}));
}

TEST_F(Reference, PoolDropsAnOddLastRow) {
  const Tensor x = Make(3, 2, {1, 2, 3, 4, 5, 6});
  const Tensor out = be_->Allocate(DType::kF32, 1, 2);
  be_->AvgPool2(x, out);
  EXPECT_TRUE(Identical(Values(out), std::vector<float>{2, 3}));
}

TEST_F(Reference, TopKBreaksTiesByIndexAndPutsNaNLast) {
  const float ninf = -std::numeric_limits<float>::infinity();
  const Tensor x = Make(2, 5, {1, 7, 7, -2, std::nanf(""), ninf, ninf, 3, ninf, ninf});
  std::vector<int32_t> ids(6);
  std::vector<float> values(6);
  be_->TopK(x, 3, ids, values);
  EXPECT_EQ(ids, (std::vector<int32_t>{1, 2, 0, 2, 0, 1}));
  EXPECT_EQ(values[3], 3.0F);
}

TEST_F(Reference, CopyConvertsAndUploadTakesNarrowTypes) {
  const Tensor x = Make(2, 3, {1, 2, 3, 4, 5, 6});
  const Tensor half = be_->Allocate(DType::kF16, 2, 3);
  const Tensor narrow = be_->Allocate(DType::kBf16, 2, 3);
  be_->Copy(x, half);
  be_->Copy(half, narrow);
  EXPECT_TRUE(Identical(Values(narrow), Values(x)));
  EXPECT_TRUE(be_->Poll().has_value());
}

}  // namespace
}  // namespace parley::kernels

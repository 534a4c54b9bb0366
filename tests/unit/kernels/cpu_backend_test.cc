// What the cpu backend promises beside its results: no allocation in a step, a choice of instructions, one arena.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cpu/arena.h"
#include "kernels/cpu/kernel_table.h"
#include "support/allocation_counter.h"
#include "support/compare.h"

namespace parley::kernels {
namespace {

// One layer of a small decoder and one of an encoder: every operation that a step uses.
class Step {
 public:
  explicit Step(Backend& be) : be_(be) {
    testing::Noise noise(1);
    const std::vector<float> w = noise.Values(192 * 64);
    const auto load = [&](int32_t out, Storage storage) {
      const WeightSource source{
          .format = WeightFormat::kF32, .out = out, .in = 64, .data = w.data()};
      return *be.LoadWeight({&source, 1}, storage);
    };
    grouped_ = load(192, Storage::kGroup8);
    rows_ = load(64, Storage::kI8Row);
    narrow_ = load(64, Storage::kBf16);
    pool_ = *be.AllocateKv({.layers = 1, .kv_heads = 4, .head_dim = 16}, 4);
    for (int32_t i = 0; i < 48; ++i) position_.push_back(i);
    be.Upload(noise.Values(48 * 64), x_);
  }

  void Run(int32_t rows) {
    const StepBatch batch{.pool = &pool_,
                          .rows = rows,
                          .position = position_.data(),
                          .row_seq = seq_.data(),
                          .seqs = 1,
                          .page_table = table_.data(),
                          .max_pages = 4};
    const TensorView x = x_.view().Rows(0, rows);
    const TensorView h = h_.view().Rows(0, rows);
    const TensorView qkv = qkv_.view().Rows(0, rows);
    be_.RmsNorm(x, {}, 1e-5F, h);
    be_.Linear(h, *grouped_, {}, qkv);
    be_.Rope(qkv.Cols(0, 128), {.head_dim = 16}, batch);
    be_.AppendKv(qkv.Cols(64, 64), qkv.Cols(128, 64), batch, 0);
    be_.Attend(qkv.Cols(0, 64), batch, 0, h);
    be_.AttendDense(h, x, x, 16, false, h2_.view().Rows(0, rows));
    be_.Linear(h, *rows_, {}, h2_.view().Rows(0, rows));
    be_.Linear(h, *narrow_, {}, h2_.view().Rows(0, rows));
    be_.Conv1d(h, *narrow_, {}, {.kernel = 1, .stride = 1, .pad = 0}, h2_.view().Rows(0, rows));
    be_.TopK(h, 5, std::span(ids_).first(static_cast<size_t>(5 * rows)),
             std::span(values_).first(static_cast<size_t>(5 * rows)));
  }

 private:
  Backend& be_;
  WeightPtr grouped_, rows_, narrow_;
  KvPool pool_;
  std::vector<int32_t> position_;
  std::vector<int32_t> seq_ = std::vector<int32_t>(48, 0);
  std::vector<int32_t> table_ = {2, 0, 3, 1};
  std::vector<int32_t> ids_ = std::vector<int32_t>(240);
  std::vector<float> values_ = std::vector<float>(240);
  Tensor x_ = be_.Allocate(DType::kF32, 48, 64);
  Tensor h_ = be_.Allocate(DType::kF32, 48, 64);
  Tensor h2_ = be_.Allocate(DType::kF32, 48, 64);
  Tensor qkv_ = be_.Allocate(DType::kF32, 48, 192);
};

TEST(CpuBackend, AllocatesNothingAfterTheFirstStepOfASize) {
  const auto be = MakeCpuBackend({.threads = 2});
  Step step(*be);
  step.Run(48);
  step.Run(1);
  const int64_t news_before = test::allocations.load();
  const size_t in_use =
      mallinfo2().uordblks;  // scratch grows with aligned_alloc: it would stay in use
  for (const int32_t rows : {1, 4, 48, 17, 1}) step.Run(rows);
  EXPECT_EQ(test::allocations.load(), news_before);
  EXPECT_EQ(mallinfo2().uordblks, in_use);
}

TEST(CpuBackend, NamesTheInstructionsItChose) {
  EXPECT_TRUE(CpuHas(CpuIsa::kPortable));
  EXPECT_EQ(MakeCpuBackend({.threads = 1, .isa = CpuIsa::kPortable})->name(), "portable");
  if (CpuHas(CpuIsa::kAvx512)) {
    EXPECT_EQ(MakeCpuBackend({.threads = 1})->name(), "avx512");
  }
}

TEST(CpuBackend, RefusesACacheThatCannotBe) {
  const auto be = MakeCpuBackend({.threads = 1});
  const KvGeometry huge{.layers = 1000, .kv_heads = 1000, .head_dim = 4096};
  EXPECT_EQ(be->AllocateKv(huge, 1 << 20).error().code, Code::kExhausted);
  EXPECT_EQ(be->AllocateKv({.layers = 1, .kv_heads = 1, .head_dim = 8, .dtype = DType::kF16}, 1)
                .error()
                .code,
            Code::kUnsupported);
}

TEST(CpuBackendDeathTest, RefusesAWeightOfAnotherBackend) {
  const auto be = MakeCpuBackend({.threads = 1});
  const float w[] = {1, 2};
  const WeightSource source{.format = WeightFormat::kF32, .out = 1, .in = 2, .data = w};
  const auto other = MakeReferenceBackend()->LoadWeight({&source, 1}, Storage::kAsIs);
  const Tensor x = be->Allocate(DType::kF32, 1, 2);
  const Tensor out = be->Allocate(DType::kF32, 1, 1);
  EXPECT_DEATH(be->Linear(x, **other, {}, out), "another backend");
}

TEST(Arena, PiecesAreAlignedZeroedAndOutliveTheArena) {
  std::shared_ptr<uint8_t> small;
  std::shared_ptr<uint8_t> large;
  {
    cpu::Arena arena(true);
    small = arena.Allocate(100);
    const std::shared_ptr<uint8_t> next = arena.Allocate(1);
    EXPECT_EQ(next.get() - small.get(), 128);
    large = arena.Allocate((size_t{40} << 20) + 1);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(large.get()) % (2 << 20), 0U);  // can be huge pages
  }
  EXPECT_EQ(small.get()[99], 0);
  EXPECT_EQ(large.get()[size_t{40} << 20], 0);
  std::memset(large.get(), 1, (size_t{40} << 20) + 1);
}

}  // namespace
}  // namespace parley::kernels

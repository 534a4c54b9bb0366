// After the first step of its size, a step of the model allocates nothing.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <vector>

#include "model/one_sequence.h"
#include "model/whisper_decoder.h"
#include "support/allocation_counter.h"
#include "support/paths.h"

namespace parley::model {
namespace {

using kernels::Storage;

// A device that does nothing: what is counted are the allocations of the graph itself.
class IdleBackend final : public kernels::Backend {
  using View = const kernels::TensorView&;
  struct IdleWeight final : kernels::Weight {
    IdleWeight(int32_t out, int32_t in) : out_rows(out), in_cols(in) {}
    int32_t out() const override { return out_rows; }
    int32_t in() const override { return in_cols; }
    size_t bytes() const override { return 0; }
    int32_t out_rows, in_cols;
  };

 public:
  std::string_view name() const override { return "idle"; }
  kernels::Tensor Allocate(kernels::DType dtype, int32_t rows, int32_t cols) override {
    const auto memory =
        std::make_shared<std::vector<float>>(static_cast<size_t>(rows) * static_cast<size_t>(cols));
    return {{.data = memory->data(), .dtype = dtype, .rows = rows, .cols = cols, .stride = cols},
            memory};
  }
  Result<kernels::WeightPtr> LoadWeight(std::span<const kernels::WeightSource> stacked,
                                        Storage) override {
    return kernels::WeightPtr(std::make_shared<IdleWeight>(stacked[0].out, stacked[0].in));
  }
  Result<kernels::KvPool> AllocateKv(const kernels::KvGeometry& geometry, int32_t pages) override {
    return kernels::KvPool{.geometry = geometry, .pages = pages, .memory = nullptr};
  }
  void CopyPage(const kernels::KvPool&, int32_t, int32_t) override {}
  void Upload(std::span<const float>, View) override {}
  void Download(View, std::span<float>) override {}
  void Embed(const kernels::Weight&, std::span<const int32_t>, View) override {}
  void Copy(View, View) override {}
  void Linear(View, const kernels::Weight&, View, View) override { ++products_; }
  void Add(View, View) override {}
  void RmsNorm(View, View, float, View) override {}
  void AddRmsNorm(View, View, View, float, View) override {}
  void LayerNorm(View, View, View, float, View) override {}
  void Rope(View, const kernels::RopeParams&, const kernels::StepBatch&) override {}
  void AppendKv(View, View, const kernels::StepBatch&, int32_t) override {}
  void Attend(View, const kernels::StepBatch&, int32_t, View) override {}
  void AttendDense(View, View, View, int32_t, bool, View) override {}
  void SwiGlu(View, View) override {}
  void Gelu(View) override {}
  void Relu(View) override {}
  void Conv1d(View, const kernels::Weight&, View, const kernels::ConvParams&, View) override {}
  void AvgPool2(View, View) override {}
  void TopK(View, int32_t, std::span<int32_t>, std::span<float>) override {}
  Status Poll() override { return {}; }

  int products() const { return products_; }

 private:
  int products_ = 0;
};

std::unique_ptr<weights::Checkpoint> Open(const std::string& name) {
  auto opened = weights::Checkpoint::Open(test::GoldenDir() + "/" + name);
  PARLEY_CHECK(opened.has_value(), "a golden checkpoint");
  return *std::move(opened);
}

TEST(NoAllocation, TheCounterCounts) {
  const int64_t before = test::allocations;
  const std::vector<int> something(100);
  EXPECT_GT(test::allocations, before);
}

TEST(NoAllocation, AStepOfTheDecoderAllocatesNothing) {
  IdleBackend backend;
  const auto checkpoint = Open("llama");
  const auto decoder = Decoder::Load(backend, *checkpoint, Storage::kAsIs);
  ASSERT_TRUE(decoder.has_value()) << decoder.error().message;
  OneSequence sequence(backend, **decoder, 64, kernels::DType::kBf16, 16);
  const std::vector<TokenId> prompt(16, 3);
  const int64_t before = test::allocations;
  sequence.Append(prompt);
  for (int i = 0; i < 40; ++i) sequence.Append(std::span(prompt).first(1));
  EXPECT_EQ(test::allocations - before, 0);
  EXPECT_EQ(backend.products(), 41 * (2 * 4 + 1)) << "four products a layer and the head";
}

TEST(NoAllocation, ATokenOfTheTranscriberAllocatesNothing) {
  IdleBackend backend;
  const auto decoder = WhisperDecoder::Load(backend, *Open("whisper"), Storage::kI8Row);
  ASSERT_TRUE(decoder.has_value()) << decoder.error().message;
  WhisperState state = (*decoder)->NewState(20, 4);
  const kernels::Tensor heard = backend.Allocate(kernels::DType::kF32, 20, 32);
  const std::vector<TokenId> prompt = {1, 2, 3, 4};
  const auto talk = [&] {
    for (int32_t layer = 0; layer < 2; ++layer) (*decoder)->Hear(heard, {}, layer, state);
    (*decoder)->Forward(prompt, 4, state);
    for (int i = 0; i < 10; ++i) (*decoder)->Forward(std::span(prompt).first(1), 1, state);
  };
  const int64_t before = test::allocations;
  talk();
  EXPECT_EQ(test::allocations - before, 0);
}

}  // namespace
}  // namespace parley::model

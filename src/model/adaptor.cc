// Step-Audio's adaptor. Its tensors are spelt "adapter.", its width in the middle is the checkpoint's.
// SPDX-License-Identifier: Apache-2.0
#include "common/check.h"
#include "model/audio_encoder.h"
#include "model/weight_loading.h"

namespace parley::model {

using kernels::Backend;
using kernels::DType;
using kernels::Storage;
using kernels::Tensor;
using kernels::TensorView;
using kernels::WeightPtr;
using weights::Checkpoint;

namespace {

constexpr kernels::ConvParams kConv{.kernel = 3, .stride = 2, .pad = 1};

class StepAdaptor final : public Adaptor {
 public:
  explicit StepAdaptor(Backend& backend) : backend_(backend) {}

  Status LoadWeights(const Checkpoint& checkpoint, Storage storage);

  int32_t OutRows(int32_t encoder_rows) const override {
    return encoder_rows < 1 ? 0 : (encoder_rows - 1) / 2 + 1;
  }
  int32_t out_width() const override { return linear2_->out(); }
  using Adaptor::Forward;
  void Forward(const TensorView& encoded, std::span<const int32_t> rows,
               const TensorView& out) override;

 private:
  Backend& backend_;
  WeightPtr conv_, linear1_, linear2_;
  Tensor conv_bias_, linear1_bias_, linear2_bias_;
  Tensor conv_out_, middle_;  // grown to the most rows so far
};

Status StepAdaptor::LoadWeights(const Checkpoint& checkpoint, Storage storage) {
  PARLEY_TRY(const auto* conv, checkpoint.Require("adapter.conv.weight", {-1, -1, kConv.kernel}));
  const auto hidden = static_cast<int32_t>(conv->shape[0]);
  PARLEY_TRY(const auto* linear1, checkpoint.Require("adapter.linear1.weight", {-1, hidden}));
  const auto middle = static_cast<int32_t>(linear1->shape[0]);
  PARLEY_TRY(const auto* linear2, checkpoint.Require("adapter.linear2.weight", {-1, middle}));
  const auto width = static_cast<int32_t>(linear2->shape[0]);

  const Storage plain = storage == Storage::kF32 ? Storage::kF32 : Storage::kBf16;
  PARLEY_TRY(conv_, LoadConv(backend_, checkpoint, "adapter.conv.weight", hidden,
                             static_cast<int32_t>(conv->shape[1]), kConv.kernel, plain));
  PARLEY_TRY(linear1_, LoadMatrix(backend_, checkpoint, {{"adapter.linear1.weight", middle}},
                                  hidden, storage));
  PARLEY_TRY(linear2_, LoadMatrix(backend_, checkpoint, {{"adapter.linear2.weight", width}}, middle,
                                  storage));
  PARLEY_TRY(conv_bias_, LoadVector(backend_, checkpoint, "adapter.conv.bias", hidden));
  PARLEY_TRY(linear1_bias_, LoadVector(backend_, checkpoint, "adapter.linear1.bias", middle));
  PARLEY_TRY(linear2_bias_, LoadVector(backend_, checkpoint, "adapter.linear2.bias", width));
  return {};
}

void StepAdaptor::Forward(const TensorView& encoded, std::span<const int32_t> rows,
                          const TensorView& out) {
  int32_t all = 0;
  for (const int32_t count : rows) all += OutRows(count);
  PARLEY_CHECK(all >= 1 && out.rows == all && out.cols == out_width(), "adaptor's output");
  if (conv_out_.empty() || conv_out_.view().rows < all) {
    conv_out_ = backend_.Allocate(backend_.activation_type(), all, conv_->out());
    middle_ = backend_.Allocate(backend_.activation_type(), all, linear1_->out());
  }
  const TensorView conv_out = conv_out_.view().Rows(0, all);
  const TensorView middle = middle_.view().Rows(0, all);
  int32_t first = 0;
  int32_t first_out = 0;
  for (const int32_t count : rows) {
    const int32_t outs = OutRows(count);
    if (outs == 0) continue;
    backend_.Conv1d(encoded.Rows(first, count), *conv_, conv_bias_, kConv,
                    conv_out.Rows(first_out, outs));
    first += count;
    first_out += outs;
  }
  backend_.Gelu(conv_out);
  backend_.Linear(conv_out, *linear1_, linear1_bias_, middle);
  backend_.Relu(middle);
  backend_.Linear(middle, *linear2_, linear2_bias_, out);
  PARLEY_TAP(backend_, "adaptor.out", -1, out);
}

}  // namespace

Result<std::unique_ptr<Adaptor>> Adaptor::Load(Backend& backend, const Checkpoint& checkpoint,
                                               Storage storage) {
  auto adaptor = std::make_unique<StepAdaptor>(backend);
  PARLEY_TRY_STATUS(adaptor->LoadWeights(checkpoint, storage));
  return std::unique_ptr<Adaptor>(std::move(adaptor));
}

}  // namespace parley::model

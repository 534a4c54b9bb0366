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
  void Forward(const TensorView& encoded, const TensorView& out) override;

 private:
  Backend& backend_;
  WeightPtr conv_, linear1_, linear2_;
  Tensor conv_bias_, linear1_bias_, linear2_bias_;
  Tensor conv_out_, middle_;  // grown to the longest input so far
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

void StepAdaptor::Forward(const TensorView& encoded, const TensorView& out) {
  const int32_t rows = OutRows(encoded.rows);
  PARLEY_CHECK(rows >= 1 && out.rows == rows && out.cols == out_width(), "adaptor's output");
  if (conv_out_.empty() || conv_out_.view().rows < rows) {
    conv_out_ = backend_.Allocate(DType::kF32, rows, conv_->out());
    middle_ = backend_.Allocate(DType::kF32, rows, linear1_->out());
  }
  const TensorView conv_out = conv_out_.view().Rows(0, rows);
  const TensorView middle = middle_.view().Rows(0, rows);
  backend_.Conv1d(encoded, *conv_, conv_bias_, kConv, conv_out);
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

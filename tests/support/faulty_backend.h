// A backend whose device fails when a test says so: everything goes to the real one, Poll has the word.
// Thread:   one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>

#include "kernels/backend.h"

namespace parley::test {

class FaultyBackend final : public kernels::Backend {
 public:
  using View = kernels::TensorView;
  using Weight = kernels::Weight;
  explicit FaultyBackend(std::unique_ptr<kernels::Backend> real) : real_(std::move(real)) {}

  int polls_to_fail = 0;  // of the next Polls
  Status Poll() override {
    if (polls_to_fail == 0) return real_->Poll();
    --polls_to_fail;
    return Fail(Code::kDevice, "the device fell off the bus");
  }

  std::string_view name() const override { return real_->name(); }
  kernels::Tensor Allocate(kernels::DType t, int32_t rows, int32_t cols) override {
    return real_->Allocate(t, rows, cols);
  }
  Result<kernels::WeightPtr> LoadWeight(std::span<const kernels::WeightSource> s,
                                        kernels::Storage storage) override {
    return real_->LoadWeight(s, storage);
  }
  Result<kernels::KvPool> AllocateKv(const kernels::KvGeometry& g, int32_t pages) override {
    return real_->AllocateKv(g, pages);
  }
  void CopyPage(const kernels::KvPool& pool, int32_t from, int32_t to) override {
    real_->CopyPage(pool, from, to);
  }
  void Upload(std::span<const float> from, const View& to) override { real_->Upload(from, to); }
  void Download(const View& from, std::span<float> to) override { real_->Download(from, to); }
  void Embed(const Weight& t, std::span<const int32_t> ids, const View& out) override {
    real_->Embed(t, ids, out);
  }
  void Copy(const View& x, const View& out) override { real_->Copy(x, out); }
  void Linear(const View& x, const Weight& w, const View& bias, const View& out) override {
    real_->Linear(x, w, bias, out);
  }
  void Add(const View& x, const View& delta) override { real_->Add(x, delta); }
  void RmsNorm(const View& x, const View& w, float eps, const View& out) override {
    real_->RmsNorm(x, w, eps, out);
  }
  void AddRmsNorm(const View& x, const View& d, const View& w, float eps,
                  const View& out) override {
    real_->AddRmsNorm(x, d, w, eps, out);
  }
  void LayerNorm(const View& x, const View& w, const View& b, float eps, const View& out) override {
    real_->LayerNorm(x, w, b, eps, out);
  }
  void Rope(const View& x, const kernels::RopeParams& p, const kernels::StepBatch& b) override {
    real_->Rope(x, p, b);
  }
  void AppendKv(const View& k, const View& v, const kernels::StepBatch& b, int32_t layer) override {
    real_->AppendKv(k, v, b, layer);
  }
  void Attend(const View& q, const kernels::StepBatch& b, int32_t layer, const View& out) override {
    real_->Attend(q, b, layer, out);
  }
  void AttendDense(const View& q, const View& k, const View& v, int32_t head_dim, bool causal,
                   const View& out) override {
    real_->AttendDense(q, k, v, head_dim, causal, out);
  }
  void SwiGlu(const View& gate_up, const View& out) override { real_->SwiGlu(gate_up, out); }
  void Gelu(const View& x) override { real_->Gelu(x); }
  void Relu(const View& x) override { real_->Relu(x); }
  void Conv1d(const View& x, const Weight& w, const View& bias, const kernels::ConvParams& p,
              const View& out) override {
    real_->Conv1d(x, w, bias, p, out);
  }
  void AvgPool2(const View& x, const View& out) override { real_->AvgPool2(x, out); }
  void TopK(const View& logits, int32_t k, std::span<int32_t> ids,
            std::span<float> values) override {
    real_->TopK(logits, k, ids, values);
  }

 private:
  std::unique_ptr<kernels::Backend> real_;
};

}  // namespace parley::test

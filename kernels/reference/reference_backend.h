// The specification: every operation as a plain loop, float storage, sums in double, no threads, no fast-math. The
// operations stand one family a file beside this one, with their formulae. The other backends are right when they
// agree with it.
// Thread:   one thread drives it.
// Memory:   a Linear allocates a row for its quantised input; nothing here is meant to be fast.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "kernels/backend.h"
#include "kernels/weight_part.h"

namespace parley::kernels::reference {

class ReferenceWeight final : public Weight {
 public:
  explicit ReferenceWeight(std::vector<WeightPart> parts);
  int32_t out() const override { return out_; }
  int32_t in() const override { return parts_.front().in; }
  size_t bytes() const override;
  const std::vector<WeightPart>& parts() const { return parts_; }

 private:
  std::vector<WeightPart> parts_;
  int32_t out_ = 0;
};

class ReferenceBackend final : public Backend {
 public:
  std::string_view name() const override { return "reference"; }

  // memory.cc
  Tensor Allocate(DType dtype, int32_t rows, int32_t cols) override;
  Result<WeightPtr> LoadWeight(std::span<const WeightSource> stacked, Storage storage) override;
  Result<KvPool> AllocateKv(const KvGeometry& geometry, int32_t pages) override;
  void CopyPage(const KvPool& pool, int32_t from, int32_t to) override;
  void Upload(std::span<const float> from, const TensorView& to) override;
  void Download(const TensorView& from, std::span<float> to) override;
  void Copy(const TensorView& x, const TensorView& out) override;

  // linear.cc
  void Embed(const Weight& table, std::span<const int32_t> ids, const TensorView& out) override;
  void Linear(const TensorView& x, const Weight& w, const TensorView& bias,
              const TensorView& out) override;
  void Conv1d(const TensorView& x, const Weight& w, const TensorView& bias,
              const ConvParams& params, const TensorView& out) override;

  // norm.cc
  void RmsNorm(const TensorView& x, const TensorView& weight, float eps,
               const TensorView& out) override;
  void AddRmsNorm(const TensorView& x, const TensorView& delta, const TensorView& weight, float eps,
                  const TensorView& out) override;
  void LayerNorm(const TensorView& x, const TensorView& weight, const TensorView& bias, float eps,
                 const TensorView& out) override;

  // attention.cc
  void Rope(const TensorView& x, const RopeParams& params, const StepBatch& batch) override;
  void AppendKv(const TensorView& k, const TensorView& v, const StepBatch& batch,
                int32_t layer) override;
  void Attend(const TensorView& q, const StepBatch& batch, int32_t layer,
              const TensorView& out) override;
  void AttendDense(const TensorView& q, const TensorView& k, const TensorView& v, int32_t head_dim,
                   bool causal, const TensorView& out) override;

  // elementwise.cc
  void Add(const TensorView& x, const TensorView& delta) override;
  void SwiGlu(const TensorView& gate_up, const TensorView& out) override;
  void Gelu(const TensorView& x) override;
  void Relu(const TensorView& x) override;
  void AvgPool2(const TensorView& x, const TensorView& out) override;
  void TopK(const TensorView& logits, int32_t k, std::span<int32_t> ids,
            std::span<float> values) override;

  Status Poll() override { return {}; }  // memory and plain loops do not fail half-way
};

}  // namespace parley::kernels::reference

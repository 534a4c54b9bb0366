// A backend that hands everything on to another one: for those that change a few operations only.
// Thread:   as the other one.
// Memory:   the other one's; borrowed, must outlive this.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/backend.h"

namespace parley::kernels {

class ForwardingBackend : public Backend {
 public:
  explicit ForwardingBackend(Backend& to) : to_(to) {}

  std::string_view name() const override { return to_.name(); }
  Tensor Allocate(DType dtype, int32_t rows, int32_t cols) override {
    return to_.Allocate(dtype, rows, cols);
  }
  Result<WeightPtr> LoadWeight(std::span<const WeightSource> stacked, Storage storage) override {
    return to_.LoadWeight(stacked, storage);
  }
  Result<KvPool> AllocateKv(const KvGeometry& geometry, int32_t pages) override {
    return to_.AllocateKv(geometry, pages);
  }
  void CopyPage(const KvPool& pool, int32_t from, int32_t to) override {
    to_.CopyPage(pool, from, to);
  }
  void Upload(std::span<const float> from, const TensorView& to) override { to_.Upload(from, to); }
  void Download(const TensorView& from, std::span<float> to) override { to_.Download(from, to); }
  void Embed(const Weight& table, std::span<const int32_t> ids, const TensorView& out) override {
    to_.Embed(table, ids, out);
  }
  void Copy(const TensorView& x, const TensorView& out) override { to_.Copy(x, out); }
  void Linear(const TensorView& x, const Weight& w, const TensorView& bias,
              const TensorView& out) override {
    to_.Linear(x, w, bias, out);
  }
  void Add(const TensorView& x, const TensorView& delta) override { to_.Add(x, delta); }
  void RmsNorm(const TensorView& x, const TensorView& weight, float eps,
               const TensorView& out) override {
    to_.RmsNorm(x, weight, eps, out);
  }
  void AddRmsNorm(const TensorView& x, const TensorView& delta, const TensorView& weight, float eps,
                  const TensorView& out) override {
    to_.AddRmsNorm(x, delta, weight, eps, out);
  }
  void LayerNorm(const TensorView& x, const TensorView& weight, const TensorView& bias, float eps,
                 const TensorView& out) override {
    to_.LayerNorm(x, weight, bias, eps, out);
  }
  void Rope(const TensorView& x, const RopeParams& params, const StepBatch& batch) override {
    to_.Rope(x, params, batch);
  }
  void AppendKv(const TensorView& k, const TensorView& v, const StepBatch& batch,
                int32_t layer) override {
    to_.AppendKv(k, v, batch, layer);
  }
  void Attend(const TensorView& q, const StepBatch& batch, int32_t layer,
              const TensorView& out) override {
    to_.Attend(q, batch, layer, out);
  }
  void AttendDense(const TensorView& q, const TensorView& k, const TensorView& v, int32_t head_dim,
                   bool causal, const TensorView& out) override {
    to_.AttendDense(q, k, v, head_dim, causal, out);
  }
  void AttendGroups(const TensorView& q, const TensorView& k, const TensorView& v,
                    std::span<const int32_t> group_rows, int32_t head_dim,
                    const TensorView& out) override {
    to_.AttendGroups(q, k, v, group_rows, head_dim, out);
  }
  void SwiGlu(const TensorView& gate_up, const TensorView& out) override {
    to_.SwiGlu(gate_up, out);
  }
  void Gelu(const TensorView& x) override { to_.Gelu(x); }
  void Relu(const TensorView& x) override { to_.Relu(x); }
  void Conv1d(const TensorView& x, const Weight& w, const TensorView& bias,
              const ConvParams& params, const TensorView& out) override {
    to_.Conv1d(x, w, bias, params, out);
  }
  void AvgPool2(const TensorView& x, const TensorView& out) override { to_.AvgPool2(x, out); }
  void LinearSwiGlu(const TensorView& x, const Weight& w, const TensorView& gate_up,
                    const TensorView& out) override {
    to_.LinearSwiGlu(x, w, gate_up, out);
  }
  void LinearGelu(const TensorView& x, const Weight& w, const TensorView& bias,
                  const TensorView& out) override {
    to_.LinearGelu(x, w, bias, out);
  }
  void LinearAdd(const TensorView& x, const Weight& w, const TensorView& bias,
                 const TensorView& room, const TensorView& sum) override {
    to_.LinearAdd(x, w, bias, room, sum);
  }
  void RopeAppendKv(const TensorView& qkv, const RopeParams& params, const StepBatch& batch,
                    int32_t layer) override {
    to_.RopeAppendKv(qkv, params, batch, layer);
  }
  void RopeAttend(const TensorView& qkv, const RopeParams& params, const StepBatch& batch,
                  int32_t layer, const TensorView& out) override {
    to_.RopeAttend(qkv, params, batch, layer, out);
  }
  void ReduceAddRmsNorm(const TensorView& x, const TensorView& delta, const TensorView& weight,
                        float eps, const TensorView& out) override {
    to_.ReduceAddRmsNorm(x, delta, weight, eps, out);
  }
  void ReduceAdd(const TensorView& x, const TensorView& delta) override { to_.ReduceAdd(x, delta); }
  void GatherColumns(const TensorView& part, const TensorView& all) override {
    to_.GatherColumns(part, all);
  }
  DType activation_type() const override { return to_.activation_type(); }
  bool BeginStep(const StepBatch& batch, int32_t heads, const void* owner) override {
    return to_.BeginStep(batch, heads, owner);
  }
  void EndStep() override { to_.EndStep(); }
  bool makes_log_mel() const override { return to_.makes_log_mel(); }
  void LogMel(std::span<const float> sound, const TensorView& filters,
              const TensorView& out) override {
    to_.LogMel(sound, filters, out);
  }
  void TopK(const TensorView& logits, int32_t k, std::span<int32_t> ids,
            std::span<float> values) override {
    to_.TopK(logits, k, ids, values);
  }
  bool samples() const override { return to_.samples(); }
  void Sample(const TensorView& logits, std::span<const TokenRequest> rows,
              std::span<int32_t> ids) override {
    to_.Sample(logits, rows, ids);
  }
  Status Poll() override { return to_.Poll(); }

 private:
  Backend& to_;
};

}  // namespace parley::kernels

// The Backend on one GPU: every operation is a launch on one stream, so that a step is asynchronous until somebody
// downloads or polls. Decode steps are captured as CUDA graphs, one for each number of rows and power of two of pages, and
// replayed; step tables keep their addresses.
// Thread:   one at a time; the first caller's device is set again by every entry.
// Memory:   scratch grows while shapes are new; a step whose shape was seen allocates nothing.
// Overload: the first failure is kept and stops everything after it until Poll (backend.h).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cuda/cuda_weight.h"
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/step_tables.h"
#include "kernels/cuda_devices.h"

namespace parley::kernels::cuda {

class CudaBackend final : public Backend {
 public:
  static Result<std::unique_ptr<Backend>> Make(const CudaOptions& options);
  ~CudaBackend() override;
  std::string_view name() const override { return "cuda"; }
  cudaStream_t stream() const { return stream_; }
  int device() const { return options_.device; }
  // This rank's side of a tensor-parallel model (ranks.cc).
  void SetPeers(const Peers& peers) { peers_ = peers; }

  // cuda_backend.cc
  Tensor Allocate(DType dtype, int32_t rows, int32_t cols) override;
  Result<WeightPtr> LoadWeight(std::span<const WeightSource> stacked, Storage storage) override;
  Result<KvPool> AllocateKv(const KvGeometry& geometry, int32_t pages) override;
  void CopyPage(const KvPool& pool, int32_t from, int32_t to) override;
  void Upload(std::span<const float> from, const TensorView& to) override;
  void Download(const TensorView& from, std::span<float> to) override;
  Status Poll() override;

  // step_graphs.cc
  bool BeginStep(const StepBatch& batch, int32_t heads, const void* owner) override;
  void EndStep() override;

  // cuda_operations.cc
  void Embed(const Weight& table, std::span<const int32_t> ids, const TensorView& out) override;
  void Copy(const TensorView& x, const TensorView& out) override;
  void Linear(const TensorView& x, const Weight& w, const TensorView& bias,
              const TensorView& out) override;
  void LinearSwiGlu(const TensorView& x, const Weight& w, const TensorView& gate_up,
                    const TensorView& out) override;
  void Add(const TensorView& x, const TensorView& delta) override;
  void RmsNorm(const TensorView& x, const TensorView& weight, float eps,
               const TensorView& out) override;
  void AddRmsNorm(const TensorView& x, const TensorView& delta, const TensorView& weight, float eps,
                  const TensorView& out) override;
  void Rope(const TensorView& x, const RopeParams& params, const StepBatch& batch) override;
  void AppendKv(const TensorView& k, const TensorView& v, const StepBatch& batch,
                int32_t layer) override;
  void RopeAppendKv(const TensorView& qkv, const RopeParams& params, const StepBatch& batch,
                    int32_t layer) override;
  void Attend(const TensorView& q, const StepBatch& batch, int32_t layer,
              const TensorView& out) override;
  void RopeAttend(const TensorView& qkv, const RopeParams& params, const StepBatch& batch,
                  int32_t layer, const TensorView& out) override;
  void ReduceAddRmsNorm(const TensorView& x, const TensorView& delta, const TensorView& weight,
                        float eps, const TensorView& out) override;
  void ReduceAdd(const TensorView& x, const TensorView& delta) override;
  void GatherColumns(const TensorView& part, const TensorView& all) override;
  void SwiGlu(const TensorView& gate_up, const TensorView& out) override;
  void TopK(const TensorView& logits, int32_t k, std::span<int32_t> ids,
            std::span<float> values) override;
  bool samples() const override { return true; }
  void Sample(const TensorView& logits, std::span<const TokenRequest> rows,
              std::span<int32_t> ids) override;
  DType activation_type() const override { return DType::kBf16; }

  // cuda_audio.cc
  void LayerNorm(const TensorView& x, const TensorView& weight, const TensorView& bias, float eps,
                 const TensorView& out) override;
  void Gelu(const TensorView& x) override;
  void Relu(const TensorView& x) override;
  void Conv1d(const TensorView& x, const Weight& w, const TensorView& bias,
              const ConvParams& params, const TensorView& out) override;
  void AvgPool2(const TensorView& x, const TensorView& out) override;
  void LinearGelu(const TensorView& x, const Weight& w, const TensorView& bias,
                  const TensorView& out) override;
  void LinearAdd(const TensorView& x, const Weight& w, const TensorView& bias,
                 const TensorView& room, const TensorView& sum) override;
  void AttendDense(const TensorView& q, const TensorView& k, const TensorView& v, int32_t head_dim,
                   bool causal, const TensorView& out) override;
  void AttendGroups(const TensorView& q, const TensorView& k, const TensorView& v,
                    std::span<const int32_t> group_rows, int32_t head_dim,
                    const TensorView& out) override;
  bool makes_log_mel() const override { return true; }
  void LogMel(std::span<const float> sound, const TensorView& filters,
              const TensorView& out) override;

 private:
  explicit CudaBackend(const CudaOptions& options) : options_(options) {}
  Status Init();

  struct Room {  // scratch that grows; what stood in it is gone then
    std::shared_ptr<void> memory;
    size_t bytes = 0;
  };
  struct GraphDestroyer {
    void operator()(cudaGraphExec_t graph) const { cudaGraphExecDestroy(graph); }
  };
  struct Recorded {
    bool warm = false;  // ran once without a graph: everything is loaded, all scratch is there
    std::unique_ptr<CUgraphExec_st, GraphDestroyer> graph;
  };
  // owner, pool, rows, splits, page table's width
  using StepKey = std::tuple<const void*, const void*, int32_t, int32_t, int32_t>;

  bool Ready();  // sets the device; false after a failure
  void Wait(
      const char* what);  // for the stream; a failure once that takes longer than our patience
  std::string Hanging() const;
  void Do(Status status);
  void Do(cudaError_t error, const char* what);
  void* Take(Room& room, size_t bytes);
  Cache CacheOf(const StepBatch& batch, int32_t layer) const;
  void SetTables(const StepBatch& batch, int32_t group);
  int32_t Splits(const StepBatch& batch) const;
  // x as rows of bf16 of `cols` values, 16-byte aligned: x itself, or a converted copy padded with zeros.
  Rows Packed(const TensorView& x, int32_t cols);
  void OwnProduct(const Rows& x, const Matrix& w, const float* bias, bool swiglu, const Rows& out);
  const void* BiasFor(Type type, const CudaWeight& w, const float* bias);
  // `how`: a sum or a gelu, of rows that only the library takes.
  void Product(const Rows& x, const CudaWeight& w, const TensorView& bias, const TensorView& out,
               Epilogue how = {});

  CudaOptions options_;
  int32_t sms_ = 0;
  cudaStream_t stream_ = nullptr;
  Status failure_;
  bool hangs_ = false;  // for good: what runs there still uses our memory
  std::unique_ptr<Gemm> gemm_;
  std::unique_ptr<WeightLoader> loader_;
  PartScratch scratch_;
  std::shared_ptr<void> fixed_;                 // what it points into
  std::vector<std::shared_ptr<void>> retired_;  // outgrown scratch
  Room packed_;
  Room sound_;                       // whose features are made
  std::shared_ptr<void> mel_basis_;  // when a sound has come
  Room transfer_;                    // uploads, downloads, ids
  Room sampling_;                    // requests, lists, scores, orders, ids
  std::shared_ptr<void> sampled_;    // ids, in pinned memory
  size_t sampled_bytes_ = 0;
  std::vector<SampleRow> sample_rows_;
  std::vector<int32_t> sample_lists_;
  Room widened_;  // fp8 weights as bf16, for large products
  StepTables tables_;
  Peers peers_;
  bool in_step_ = false;
  bool capturing_ = false;
  std::map<StepKey, Recorded> graphs_;
  int64_t graphs_generation_ = 0;
  Recorded* step_graph_ = nullptr;
};

}  // namespace parley::kernels::cuda

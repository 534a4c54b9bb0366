// The fast backend of a machine without a graphics card: the operations cut into slices for its own pool, the inner
// loops from the kernel table of the machine's instruction set.
// Thread:   one thread drives it; its workers help inside an operation.
// Memory:   weights and cache from the arena; scratch grows on the first use of a size. The rotary table covers 4096
//           positions and doubles when a longer sequence comes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cpu/arena.h"
#include "kernels/cpu/buffer.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/packed_weight.h"
#include "kernels/cpu/thread_pool.h"

namespace parley::kernels::cpu {

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(const CpuOptions& options);
  std::string_view name() const override { return kernels_.name; }

  // cpu_backend.cc
  Tensor Allocate(DType dtype, int32_t rows, int32_t cols) override;
  Result<WeightPtr> LoadWeight(std::span<const WeightSource> stacked, Storage storage) override;
  Result<KvPool> AllocateKv(const KvGeometry& geometry, int32_t pages) override;
  void CopyPage(const KvPool& pool, int32_t from, int32_t to) override;
  void Upload(std::span<const float> from, const TensorView& to) override;
  void Download(const TensorView& from, std::span<float> to) override;
  void Embed(const Weight& table, std::span<const int32_t> ids, const TensorView& out) override;
  void Copy(const TensorView& x, const TensorView& out) override;
  Status Poll() override { return {}; }  // memory and loops do not fail half-way

  // linear.cc
  void Linear(const TensorView& x, const Weight& w, const TensorView& bias,
              const TensorView& out) override;
  void Conv1d(const TensorView& x, const Weight& w, const TensorView& bias,
              const ConvParams& params, const TensorView& out) override;

  // rows.cc
  void Add(const TensorView& x, const TensorView& delta) override;
  void RmsNorm(const TensorView& x, const TensorView& weight, float eps,
               const TensorView& out) override;
  void AddRmsNorm(const TensorView& x, const TensorView& delta, const TensorView& weight, float eps,
                  const TensorView& out) override;
  void LayerNorm(const TensorView& x, const TensorView& weight, const TensorView& bias, float eps,
                 const TensorView& out) override;
  void SwiGlu(const TensorView& gate_up, const TensorView& out) override;
  void Gelu(const TensorView& x) override;
  void Relu(const TensorView& x) override;
  void AvgPool2(const TensorView& x, const TensorView& out) override;
  void TopK(const TensorView& logits, int32_t k, std::span<int32_t> ids,
            std::span<float> values) override;
  void Rope(const TensorView& x, const RopeParams& params, const StepBatch& batch) override;
  void AppendKv(const TensorView& k, const TensorView& v, const StepBatch& batch,
                int32_t layer) override;

  // attention.cc
  void Attend(const TensorView& q, const StepBatch& batch, int32_t layer,
              const TensorView& out) override;
  void AttendDense(const TensorView& q, const TensorView& k, const TensorView& v, int32_t head_dim,
                   bool causal, const TensorView& out) override;

 private:
  // fn(row) for every row, shared out when the rows hold enough work.
  template <class Fn>
  void ForRows(int32_t rows, int32_t values_per_row, const Fn& fn);

  // One part of a weight: out may be a window of columns.
  void Product(const TensorView& x, const PackedPart& part, const float* bias,
               const TensorView& out);
  void GroupedProduct(const TensorView& x, const PackedPart& part, const float* bias,
                      const TensorView& out);
  void DenseFloats(const TensorView& x, const PackedPart& part, const float* bias,
                   const TensorView& out);
  void DenseIntegers(const TensorView& x, const PackedPart& part, const float* bias,
                     const TensorView& out);

  // attention.cc: rows that stand together and look at the same keys.
  struct AttendBlock {
    int32_t first_row = 0;
    int32_t rows = 0;
    int32_t seq = 0;
    int32_t keys = 0;  // that its last row sees
  };
  // Neighbouring blocks of branches that begin with the same page: a page they share is turned once for all of them.
  struct AttendFamily {
    std::span<const AttendBlock> blocks{};
    int32_t first_row = 0;
    int32_t rows = 0;
  };
  struct Attention;
  template <class Source>
  void RunAttention(const Attention& attention, const Source& source);  // all of families_
  void JoinFamilies(const StepBatch& batch, int32_t kv_heads);          // of blocks_

  struct RopeTable {
    float theta = 0.0F;
    int32_t head_dim = 0;
    int32_t positions = 0;
    std::vector<float> cosine;  // [positions, head_dim / 2]
    std::vector<float> sine;
  };
  const RopeTable& RopeFor(const RopeParams& params, int32_t positions);

  const KernelTable& kernels_;
  ThreadPool pool_;
  Arena arena_;
  bool huge_pages_;

  // Activations of the product in hand.
  Buffer<int8_t> x_q_;
  Buffer<float> x_scale_;
  Buffer<float> x_sum_;
  Buffer<int32_t> x_neg_sum_;
  Buffer<uint16_t> x_bf16_;
  Buffer<float> windows_;
  // Attention: one part for each worker, and the partial results of chunks.
  Buffer<float> attend_scratch_;
  Buffer<float> attend_partial_;
  std::vector<AttendBlock> blocks_;
  std::vector<AttendFamily> families_;
  std::vector<RopeTable> rope_;
};

const PackedWeight& Own(const Weight& w);

// Below this many values a second core costs more than it gives.
inline constexpr int64_t kWorthSharing = 1 << 14;

template <class Fn>
void CpuBackend::ForRows(int32_t rows, int32_t values_per_row, const Fn& fn) {
  const int64_t values = int64_t{rows} * values_per_row;
  if (values < kWorthSharing || pool_.threads() == 1) {
    for (int32_t r = 0; r < rows; ++r) fn(r);
    return;
  }
  const auto per_slice =
      static_cast<int32_t>((kWorthSharing / 4 + values_per_row - 1) / values_per_row);
  pool_.Run((rows + per_slice - 1) / per_slice, [&](int32_t slice, int) {
    const int32_t end = (slice + 1) * per_slice < rows ? (slice + 1) * per_slice : rows;
    for (int32_t r = slice * per_slice; r < end; ++r) fn(r);
  });
}

}  // namespace parley::kernels::cpu

// Recording decode steps and replaying them. The first step of a shape runs as it is, so that kernels are loaded and scratch
// has its size; the second is recorded while it is issued; from the third on one launch replays it.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device_memory.h"
#include "kernels/host.h"

namespace parley::kernels::cuda {
namespace {

constexpr int32_t kMostGraphRows = 64;  // more rows are few steps, and long ones

}  // namespace

Cache CudaBackend::CacheOf(const StepBatch& batch, int32_t layer) const {
  const KvGeometry& g = batch.pool->geometry;
  PARLEY_CHECK(layer >= 0 && layer < g.layers, "no such layer in the cache");
  PARLEY_CHECK(g.dtype == DType::kF32 || g.dtype == DType::kBf16, "a cache of f32 or bf16");
  const int64_t layer_size = static_cast<int64_t>(2) * g.kv_heads * kPageTokens * g.head_dim;
  return {.memory = batch.pool->memory.get(),
          .type = g.dtype == DType::kF32 ? Type::kF32 : Type::kBf16,
          .kv_heads = g.kv_heads,
          .head_dim = g.head_dim,
          .page_stride = layer_size * g.layers,
          .layer_offset = layer_size * layer};
}

// Outside a step every operation brings its own batch.
void CudaBackend::SetTables(const StepBatch& batch, int32_t group) {
  if (in_step_) return;
  Do(tables_.Set(batch, TileTokens(group, batch.rows), stream_));
}

// As many blocks as fill the device once, by a power of two of the longest row's pages so that graphs last; where sequences are
// not long, no more than a cluster holds.
int32_t CudaBackend::Splits(const StepBatch& batch) const {
  constexpr uint32_t kLongPages = 256;
  const uint32_t pages = std::bit_ceil(static_cast<uint32_t>(tables_.pages()));
  const int32_t pairs = std::max(1, tables_.tables().singles * batch.pool->geometry.kv_heads);
  const auto wanted = static_cast<uint32_t>(std::max(1, sms_ / pairs));
  const uint32_t most = pages > kLongPages ? 64 : 8;
  return static_cast<int32_t>(std::bit_floor(std::clamp(std::min(wanted, pages / 8), 1U, most)));
}

bool CudaBackend::BeginStep(const StepBatch& batch, int32_t heads, const void* owner) {
  PARLEY_CHECK(!in_step_, "BeginStep twice");
  if (!Ready()) {
    in_step_ = true;
    return true;  // operations do nothing
  }
  Do(tables_.Set(batch, TileTokens(heads / batch.pool->geometry.kv_heads, batch.rows), stream_));
  in_step_ = true;
  step_graph_ = nullptr;
  const bool decodes = tables_.apart() && batch.rows <= kMostGraphRows;
  if (!options_.graphs || owner == nullptr || !decodes || !failure_.has_value() || tap())
    return true;
  if (graphs_generation_ != tables_.generation()) {
    graphs_.clear();
    graphs_generation_ = tables_.generation();
  }
  Recorded& recorded =
      graphs_[{owner, batch.pool->memory.get(), batch.rows, Splits(batch), batch.max_pages}];
  if (!recorded.warm) {
    recorded.warm = true;
    return true;
  }
  step_graph_ = &recorded;
  if (recorded.graph != nullptr) return false;
  Do(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "recording a step");
  capturing_ = true;
  return true;
}

void CudaBackend::EndStep() {
  PARLEY_CHECK(in_step_, "EndStep without BeginStep");
  in_step_ = false;
  Recorded* recorded = std::exchange(step_graph_, nullptr);
  if (recorded == nullptr) return;
  if (std::exchange(capturing_, false)) {
    cudaGraph_t graph = nullptr;
    const cudaError_t ended = cudaStreamEndCapture(stream_, &graph);
    Do(ended, "recording a step");
    if (ended == cudaSuccess) {
      cudaGraphExec_t made = nullptr;
      Do(cudaGraphInstantiate(&made, graph, 0), "recording a step");
      recorded->graph.reset(made);
      cudaGraphDestroy(graph);
    }
  }
  if (failure_.has_value()) Do(cudaGraphLaunch(recorded->graph.get(), stream_), "replaying a step");
}

}  // namespace parley::kernels::cuda

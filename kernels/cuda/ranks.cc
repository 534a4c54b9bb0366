// The ranks of a tensor-parallel model on GPUs of one process: access to each other's memory, the boxes that
// LaunchReduceNorm and LaunchGatherColumns write into, and a flag in host memory that says when somebody was waited for in
// vain. NCCL is not used: at 10 KB a reduction the kernel above is faster, and a prefill's 20 MB pass in its rows as well.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "common/check.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device_memory.h"

namespace parley::kernels {
namespace cuda {
namespace {

constexpr uint64_t kPatienceNs = 5'000'000'000;  // the first step of a rank loads its kernels

Result<std::shared_ptr<void>> ZeroedDevice(size_t bytes) {
  PARLEY_TRY(std::shared_ptr<void> memory, AllocateDevice(bytes));
  PARLEY_TRY_STATUS(CheckCuda(cudaMemset(memory.get(), 0, bytes), "cudaMemset"));
  return memory;
}

class CudaRanks final : public Communicator {
 public:
  Status Init(const std::vector<CudaBackend*>& ranks, int32_t max_rows, int32_t max_logit_rows,
              int32_t hidden, int32_t vocabulary);

  int32_t ranks() const override { return static_cast<int32_t>(boxes_.size()); }
  // The backends reduce in kernels of their own (cuda_operations.cc).
  void Sum(int32_t /*rank*/, const TensorView& /*part*/) override {
    PARLEY_CHECK(false, "ranks of GPUs sum on GPUs");
  }
  void Gather(int32_t /*rank*/, const TensorView& /*part*/, const TensorView& /*all*/) override {
    PARLEY_CHECK(false, "ranks of GPUs gather on GPUs");
  }
  Status Failed() const override {
    for (size_t rank = 0; rank < boxes_.size(); ++rank) {
      if (static_cast<const volatile int32_t*>(lost_.get())[rank] == 0) continue;
      return Fail(Code::kDevice,
                  "rank " + std::to_string(rank) +
                      " waited in vain for another rank's part: a GPU has failed or hangs");
    }
    return {};
  }

 private:
  struct Box {
    std::shared_ptr<void> inbox, rounds;
  };
  std::vector<Box> boxes_;
  std::shared_ptr<void> gather_box_;
  std::shared_ptr<void> lost_;  // in host memory, one for each rank
};

Status EnableAccess(const std::vector<CudaBackend*>& ranks) {
  for (const CudaBackend* from : ranks) {
    for (const CudaBackend* to : ranks) {
      if (from->device() == to->device()) continue;
      int can = 0;
      PARLEY_TRY_STATUS(CheckCuda(cudaDeviceCanAccessPeer(&can, from->device(), to->device()),
                                  "cudaDeviceCanAccessPeer"));
      if (can == 0) {
        return Fail(Code::kUnsupported,
                    "GPU " + std::to_string(from->device()) + " cannot read the memory of GPU " +
                        std::to_string(to->device()) +
                        ": tensor parallel needs a link between them (nvidia-smi topo -m)");
      }
      PARLEY_TRY_STATUS(CheckCuda(cudaSetDevice(from->device()), "cudaSetDevice"));
      const cudaError_t enabled = cudaDeviceEnablePeerAccess(to->device(), 0);
      if (enabled == cudaErrorPeerAccessAlreadyEnabled) {
        cudaGetLastError();
      } else {
        PARLEY_TRY_STATUS(CheckCuda(enabled, "cudaDeviceEnablePeerAccess"));
      }
    }
  }
  return {};
}

Status CudaRanks::Init(const std::vector<CudaBackend*>& ranks, int32_t max_rows,
                       int32_t max_logit_rows, int32_t hidden, int32_t vocabulary) {
  const auto count = static_cast<int32_t>(ranks.size());
  PARLEY_TRY_STATUS(EnableAccess(ranks));
  PARLEY_TRY(lost_, AllocatePinned(ranks.size() * sizeof(int32_t)));
  std::fill_n(static_cast<int32_t*>(lost_.get()), ranks.size(), 0);
  for (const CudaBackend* rank : ranks) {
    PARLEY_TRY_STATUS(CheckCuda(cudaSetDevice(rank->device()), "cudaSetDevice"));
    Box box;
    PARLEY_TRY(box.inbox, ZeroedDevice(InboxBytes(count, max_rows, hidden)));
    PARLEY_TRY(box.rounds, ZeroedDevice((static_cast<size_t>(max_rows) + 1) * sizeof(uint32_t)));
    boxes_.push_back(std::move(box));
  }
  PARLEY_TRY_STATUS(CheckCuda(cudaSetDevice(ranks.front()->device()), "cudaSetDevice"));
  PARLEY_TRY(gather_box_, ZeroedDevice(GatherBytes(count, max_logit_rows, vocabulary / count)));
  for (size_t rank = 0; rank < ranks.size(); ++rank) {
    Peers peers{.rank = static_cast<int32_t>(rank),
                .ranks = count,
                .max_rows = max_rows,
                .cols = hidden,
                .gather_box = static_cast<uint4*>(gather_box_.get()),
                .rounds = static_cast<uint32_t*>(boxes_[rank].rounds.get()),
                .lost = static_cast<int32_t*>(lost_.get()) + rank,
                .patience_ns = kPatienceNs};
    for (size_t to = 0; to < ranks.size(); ++to)
      peers.inbox[to] = static_cast<uint4*>(boxes_[to].inbox.get());
    ranks[rank]->SetPeers(peers);
  }
  return {};
}

}  // namespace
}  // namespace cuda

Status JoinCudaRanks(std::span<const std::unique_ptr<Backend>> ranks, int32_t max_rows,
                     int32_t max_logit_rows, int32_t hidden, int32_t vocabulary) {
  const auto count = static_cast<int32_t>(ranks.size());
  if (count < 1 || count > cuda::kMostRanks || hidden % 4 != 0 || vocabulary % (2 * count) != 0) {
    return Fail(Code::kUnsupported, "tensor parallel on GPUs takes 1 to " +
                                        std::to_string(cuda::kMostRanks) +
                                        " ranks, a width that divides by 4 and a vocabulary that "
                                        "divides by twice the ranks; found " +
                                        std::to_string(count) + ", " + std::to_string(hidden) +
                                        " and " + std::to_string(vocabulary));
  }
  std::vector<cuda::CudaBackend*> own;
  for (const auto& rank : ranks) {
    own.push_back(dynamic_cast<cuda::CudaBackend*>(rank.get()));
    PARLEY_CHECK(own.back() != nullptr, "JoinCudaRanks: cuda backends");
  }
  auto communicator = std::make_shared<cuda::CudaRanks>();
  PARLEY_TRY_STATUS(communicator->Init(own, max_rows, max_logit_rows, hidden, vocabulary));
  for (int32_t rank = 0; rank < count; ++rank)
    ranks[static_cast<size_t>(rank)]->Join(communicator, rank);
  return {};
}

}  // namespace parley::kernels

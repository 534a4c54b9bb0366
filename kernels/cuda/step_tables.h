// A step's tables on the device: packed on the host into one pinned block, copied at once to addresses that stay, so that
// captured graphs read new contents. Also sorts the rows: those that are alone of their sequence, and tiles of the others.
// Thread:   the backend's.
// Memory:   grows with the largest step seen; `generation` changes when addresses did.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "common/result.h"
#include "kernels/backend.h"
#include "kernels/cuda/launch.h"

namespace parley::kernels::cuda {

class StepTables {
 public:
  StepTables() = default;
  ~StepTables();
  StepTables(const StepTables&) = delete;
  StepTables& operator=(const StepTables&) = delete;

  // tile_tokens: rows of one sequence that a tile holds at most.
  Status Set(const StepBatch& batch, int32_t tile_tokens, cudaStream_t stream);
  const Tables& tables() const { return tables_; }
  int32_t pages() const { return pages_; }  // of the longest sequence that a single row sees
  bool apart() const { return apart_; }     // every row has a sequence of its own
  int64_t generation() const { return generation_; }

 private:
  struct Slot {
    std::shared_ptr<void> memory;
    cudaEvent_t copied = nullptr;
  };
  Status Grow(size_t rows, size_t table);

  std::array<Slot, 4> slots_;  // the host runs ahead of the device by that many steps
  size_t next_ = 0;
  std::shared_ptr<void> device_;
  std::vector<std::shared_ptr<void>> retired_;  // outgrown
  size_t rows_ = 0;                             // capacity
  size_t table_ = 0;                            // capacity of the page table
  Tables tables_;
  int32_t pages_ = 0;
  bool apart_ = false;
  std::vector<bool> seen_;  // sequences, while a step's rows are looked through
  int64_t generation_ = 0;
};

}  // namespace parley::kernels::cuda

// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/step_tables.h"

#include <algorithm>
#include <cstring>

#include "common/check.h"
#include "kernels/cuda/device_memory.h"

namespace parley::kernels::cuda {
namespace {

constexpr size_t kRowInts = 7;  // position, row_seq, single, and four of a tile

// To begin with: the rows are copied whole every step, of the table only what is used.
constexpr size_t kLeastRows = 512;
constexpr size_t kLeastTable = 65536;

size_t RoundUp(size_t n, size_t least) {
  size_t capacity = least;
  while (capacity < n) capacity *= 2;
  return capacity;
}

}  // namespace

StepTables::~StepTables() {
  for (Slot& slot : slots_) {
    if (slot.copied != nullptr) cudaEventDestroy(slot.copied);
  }
}

Status StepTables::Grow(size_t rows, size_t table) {
  if (rows <= rows_ && table <= table_) return {};
  rows_ = std::max(rows_, RoundUp(rows, kLeastRows));
  table_ = std::max(table_, RoundUp(table, kLeastTable));
  const size_t bytes = (rows_ * kRowInts + table_) * sizeof(int32_t);
  for (Slot& slot : slots_) {
    if (slot.copied == nullptr) {
      PARLEY_TRY_STATUS(CheckCuda(cudaEventCreateWithFlags(&slot.copied, cudaEventDisableTiming),
                                  "cudaEventCreate"));
    }
    PARLEY_TRY_STATUS(CheckCuda(cudaEventSynchronize(slot.copied), "waiting for a step's tables"));
    if (slot.memory != nullptr) retired_.push_back(std::move(slot.memory));
    PARLEY_TRY(slot.memory, AllocatePinned(bytes));
  }
  // Not freed while another GPU may wait for this one (CudaBackend::Take).
  if (device_ != nullptr) retired_.push_back(std::move(device_));
  PARLEY_TRY(device_, AllocateDevice(bytes));
  auto* base =
      static_cast<int32_t*>(device_.get());  // tiles first: they are read 16 bytes at a time
  tables_.tiles = reinterpret_cast<const int4*>(base);
  tables_.position = base + 4 * rows_;
  tables_.row_seq = base + 5 * rows_;
  tables_.single = base + 6 * rows_;
  tables_.page_table = base + 7 * rows_;
  ++generation_;
  return {};
}

Status StepTables::Set(const StepBatch& batch, int32_t tile_tokens, cudaStream_t stream) {
  const auto rows = static_cast<size_t>(batch.rows);
  const size_t table = static_cast<size_t>(batch.seqs) * static_cast<size_t>(batch.max_pages);
  PARLEY_TRY_STATUS(Grow(rows, table));
  Slot& slot = slots_[next_];
  next_ = (next_ + 1) % slots_.size();
  PARLEY_TRY_STATUS(CheckCuda(cudaEventSynchronize(slot.copied), "waiting for a step's tables"));
  auto* tiles = static_cast<int32_t*>(slot.memory.get());
  int32_t* position = tiles + 4 * rows_;
  int32_t* row_seq = tiles + 5 * rows_;
  int32_t* single = tiles + 6 * rows_;
  std::memcpy(position, batch.position, rows * sizeof(int32_t));
  std::memcpy(row_seq, batch.row_seq, rows * sizeof(int32_t));
  std::memcpy(tiles + 7 * rows_, batch.page_table, table * sizeof(int32_t));

  tables_.singles = 0;
  tables_.tile_count = 0;
  tables_.max_pages = batch.max_pages;
  pages_ = 1;
  seen_.assign(static_cast<size_t>(batch.seqs), false);
  apart_ = true;
  for (size_t row = 0; row < rows; ++row) {
    auto seen = seen_[static_cast<size_t>(row_seq[row])];
    apart_ = apart_ && !seen;
    seen = true;
  }
  for (int32_t begin = 0; begin < batch.rows;) {
    int32_t end = begin + 1;  // rows of one sequence at positions that follow each other
    while (end < batch.rows && row_seq[end] == row_seq[begin] &&
           position[end] == position[end - 1] + 1) {
      ++end;
    }
    if (end - begin == 1) {
      single[tables_.singles++] = begin;
      pages_ = std::max(pages_, position[begin] / kPageTokens + 1);
    } else {
      for (int32_t first = begin; first < end; first += tile_tokens) {
        int32_t* tile = tiles + static_cast<ptrdiff_t>(4) * tables_.tile_count++;
        tile[0] = first;
        tile[1] = std::min(tile_tokens, end - first);
        tile[2] = row_seq[begin];
        tile[3] = 0;
      }
    }
    begin = end;
  }
  PARLEY_TRY_STATUS(CheckCuda(
      cudaMemcpyAsync(device_.get(), slot.memory.get(),
                      (rows_ * kRowInts + table) * sizeof(int32_t), cudaMemcpyHostToDevice, stream),
      "copying a step's tables"));
  return CheckCuda(cudaEventRecord(slot.copied, stream), "cudaEventRecord");
}

}  // namespace parley::kernels::cuda

// The keys and values of all sequences: page tables over one pool on the device. A fork shares every page; whoever
// writes into a shared page first copies it (at most one page, by its fork point), the last holder writes in place.
// Thread:   one owner (the engine's step); page copies are operations of the backend, between steps.
// Memory:   the pool is allocated once; page tables grow with their sequences.
// Overload: MakeWritable says how far it came and why it stopped.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "common/result.h"
#include "engine/page_pool.h"
#include "engine/sequence_state.h"
#include "kernels/backend.h"

namespace parley::engine {

class KvCache {
 public:
  static Result<std::unique_ptr<KvCache>> Make(kernels::Backend& backend,
                                               const kernels::KvGeometry& geometry,
                                               Admission& admission);

  // Gives rows [computed, computed + rows) pages that only this sequence holds. Returns how many rows have them.
  int32_t MakeWritable(SequenceState& sequence, int32_t rows, PagePool::Refusal& refusal);
  // The child holds positions [0, at) as far as the parent has computed them.
  void Fork(const SequenceState& parent, Position at, SequenceState& child);
  void Truncate(SequenceState& sequence, Position to);
  void Release(SequenceState& sequence) { Truncate(sequence, 0); }
  // Would stopping it, and those it shares with, free a page?
  bool HoldsSoftPages(const SequenceState& sequence) const;

  const kernels::KvPool& pool() const { return pool_; }
  PagePool& pages() { return pages_; }
  const PagePool& pages() const { return pages_; }
  int64_t copies() const { return copies_; }

 private:
  KvCache(kernels::Backend& backend, kernels::KvPool pool, Admission& admission)
      : backend_(backend), pool_(std::move(pool)), pages_(pool_.pages, admission) {}

  kernels::Backend& backend_;
  kernels::KvPool pool_;
  PagePool pages_;
  int64_t copies_ = 0;
};

constexpr int32_t PagesFor(Position positions) {
  return static_cast<int32_t>((positions + kernels::kPageTokens - 1) / kernels::kPageTokens);
}

}  // namespace parley::engine

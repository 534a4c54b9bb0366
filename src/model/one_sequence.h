// One sequence over its own pages: what the engine does for many, for benches and tests of the decoder.
// Thread:   one.
// Memory:   pages for `max_positions` at construction; Append allocates nothing.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numeric>
#include <span>
#include <vector>

#include "common/check.h"
#include "model/decoder.h"

namespace parley::model {

class OneSequence {
 public:
  OneSequence(kernels::Backend& backend, const Decoder& decoder, int32_t max_positions,
              kernels::DType kv_dtype, int32_t max_rows)
      : decoder_(decoder),
        state_(decoder.NewState(max_rows, max_rows)),
        positions_(static_cast<size_t>(max_rows)),
        row_seq_(static_cast<size_t>(max_rows), 0),
        rows_(static_cast<size_t>(max_rows)) {
    const DecoderGeometry& g = decoder.geometry();
    const int32_t pages = (max_positions + kernels::kPageTokens - 1) / kernels::kPageTokens;
    auto pool = backend.AllocateKv(
        {.layers = g.layers, .kv_heads = g.kv_heads, .head_dim = g.head_dim, .dtype = kv_dtype},
        pages);
    PARLEY_CHECK(pool.has_value(), "pages for one sequence");
    pool_ = *pool;
    table_.resize(static_cast<size_t>(pages));
    std::iota(table_.rbegin(), table_.rend(), 0);  // backwards: a page's number is not its place
    std::iota(rows_.begin(), rows_.end(), 0);
  }

  // Logits of every one of these rows, or of the last only.
  kernels::TensorView Append(std::span<const TokenId> ids, kernels::TensorView embeddings = {},
                             bool all_logits = true) {
    const auto count = static_cast<int32_t>(ids.size());
    std::iota(positions_.begin(), positions_.end(), length_);
    const kernels::StepBatch batch{.pool = &pool_,
                                   .rows = count,
                                   .position = positions_.data(),
                                   .row_seq = row_seq_.data(),
                                   .seqs = 1,
                                   .page_table = table_.data(),
                                   .max_pages = static_cast<int32_t>(table_.size())};
    std::span<const int32_t> wanted{rows_.data(), ids.size()};
    if (!all_logits) wanted = wanted.last(1);
    decoder_.Forward({.ids = ids, .embeddings = embeddings, .batch = &batch, .logit_rows = wanted},
                     state_);
    length_ += count;
    return state_.logits.view().Rows(0, static_cast<int32_t>(wanted.size()));
  }

  void Rollback(int32_t length) { length_ = length; }  // positions before it stay
  int32_t length() const { return length_; }

 private:
  const Decoder& decoder_;
  DecoderState state_;
  kernels::KvPool pool_;
  std::vector<int32_t> table_;
  std::vector<int32_t> positions_;
  std::vector<int32_t> row_seq_;
  std::vector<int32_t> rows_;
  int32_t length_ = 0;
};

}  // namespace parley::model

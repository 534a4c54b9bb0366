// The rows of one step, laid out as the decoder and the backend read them: ids, positions, page tables, and the rows of
// embeddings gathered in one tensor. All addresses stay the same from step to step.
// Thread:   one owner (the engine's step).
// Memory:   allocated once for `rows` rows of as many sequences.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "engine/sequence_state.h"
#include "kernels/backend.h"
#include "model/decoder.h"

namespace parley::engine {

class StepBatch {
 public:
  StepBatch(kernels::Backend& backend, const model::Decoder& decoder, int32_t rows,
            int32_t logit_rows, int32_t max_pages);

  void Clear();
  // The next `rows` rows of the sequence; their pages must be its own. `logits`: of the last so many of them. Returns the
  // first row of these, or -1.
  int32_t Add(const SequenceState& sequence, int32_t rows, int32_t logits);
  void Run(const kernels::KvPool& pool);
  // Next-token logits of a row that Add named, on the host; valid until the next call.
  std::span<const float> Logits(int32_t logit_row);
  // Whether the device draws the tokens; then one request for each row that Add named, in their order.
  bool samples() const { return backend_.samples(); }
  std::span<const TokenId> Sample(std::span<const kernels::TokenRequest> requests);
  int32_t rows() const { return static_cast<int32_t>(ids_.size()); }
  int64_t context() const { return context_; }

 private:
  kernels::Backend& backend_;
  const model::Decoder& decoder_;
  int32_t max_pages_;
  std::vector<TokenId> ids_;
  std::vector<int32_t> positions_;
  std::vector<int32_t> row_seqs_;
  std::vector<int32_t> page_tables_;  // [rows, max_pages]
  std::vector<int32_t> logit_rows_;
  int32_t sequences_ = 0;
  int32_t embeddings_ = 0;
  int64_t context_ = 0;
  kernels::Tensor gathered_;  // [rows, hidden], made when the first embedding comes
  model::DecoderState state_;
  std::vector<float> logits_;  // [vocabulary]
  std::vector<TokenId> tokens_;
};

}  // namespace parley::engine

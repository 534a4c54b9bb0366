// SPDX-License-Identifier: Apache-2.0
#include "engine/step_batch.h"

#include <algorithm>

#include "common/check.h"
#include "engine/embeddings.h"

namespace parley::engine {

StepBatch::StepBatch(kernels::Backend& backend, const model::Decoder& decoder, int32_t rows,
                     int32_t logit_rows, int32_t max_pages)
    : backend_(backend),
      decoder_(decoder),
      max_pages_(max_pages),
      page_tables_(static_cast<size_t>(rows) * static_cast<size_t>(max_pages)),
      state_(decoder.NewState(rows, logit_rows)),
      logits_(static_cast<size_t>(decoder.geometry().vocabulary)) {
  ids_.reserve(static_cast<size_t>(rows));
  positions_.reserve(static_cast<size_t>(rows));
  row_seqs_.reserve(static_cast<size_t>(rows));
  logit_rows_.reserve(static_cast<size_t>(logit_rows));
  tokens_.reserve(static_cast<size_t>(logit_rows));
}

void StepBatch::Clear() {
  ids_.clear();
  positions_.clear();
  row_seqs_.clear();
  logit_rows_.clear();
  sequences_ = 0;
  embeddings_ = 0;
  context_ = 0;
}

int32_t StepBatch::Add(const SequenceState& sequence, int32_t rows, int32_t logits) {
  PARLEY_CHECK(ids_.size() + static_cast<size_t>(rows) <= ids_.capacity(), "too many rows");
  const int32_t table = sequences_++;
  std::ranges::copy(sequence.pages,
                    page_tables_.begin() + static_cast<int64_t>(table) * max_pages_);
  for (int32_t i = 0; i < rows; ++i) {
    const Position position = sequence.computed + i;
    const TokenId id = sequence.ids[static_cast<size_t>(position)];
    if (id == kEmbeddingRow) {
      if (gathered_.empty()) {
        gathered_ = backend_.Allocate(kernels::DType::kF32, static_cast<int32_t>(ids_.capacity()),
                                      decoder_.geometry().hidden);
      }
      const EmbeddingSpan& span = sequence.SpanAt(position);
      const auto row = static_cast<int32_t>(position - span.begin) + span.first_row;
      backend_.Copy(span.embeddings->rows().Rows(row, 1), gathered_.view().Rows(embeddings_++, 1));
    }
    ids_.push_back(id);
    positions_.push_back(static_cast<int32_t>(position));
    row_seqs_.push_back(table);
    context_ += position + 1;
  }
  if (logits == 0) return -1;
  const auto first = static_cast<int32_t>(logit_rows_.size());
  for (int32_t i = logits; i > 0; --i) {
    logit_rows_.push_back(static_cast<int32_t>(ids_.size()) - i);
  }
  return first;
}

void StepBatch::Run(const kernels::KvPool& pool) {
  const kernels::StepBatch batch{.pool = &pool,
                                 .rows = rows(),
                                 .position = positions_.data(),
                                 .row_seq = row_seqs_.data(),
                                 .seqs = sequences_,
                                 .page_table = page_tables_.data(),
                                 .max_pages = max_pages_};
  const model::DecoderInput input{
      .ids = ids_,
      .embeddings = embeddings_ > 0 ? gathered_.view().Rows(0, embeddings_) : kernels::TensorView(),
      .batch = &batch,
      .logit_rows = logit_rows_};
  decoder_.Forward(input, state_);
}

std::span<const TokenId> StepBatch::Sample(std::span<const kernels::TokenRequest> requests) {
  tokens_.resize(requests.size());
  backend_.Sample(state_.logits.view().Rows(0, static_cast<int32_t>(requests.size())), requests,
                  tokens_);
  return tokens_;
}

std::span<const float> StepBatch::Logits(int32_t logit_row) {
  backend_.Download(state_.logits.view().Rows(logit_row, 1), logits_);
  return logits_;
}

}  // namespace parley::engine

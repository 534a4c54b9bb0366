// A decoder whose next token depends on every bit of every position that its pages hold: a wrong page, a missed copy, a
// row out of place changes what it says. It writes and reads the pool's memory itself, by the layout that the backend
// promises, and says loudly when a row reads a position that was never written there.
// Thread:   one.
// Memory:   host memory of the reference backend.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

#include "common/check.h"
#include "model/decoder.h"

namespace parley::test {

class HashDecoder final : public model::Decoder {
 public:
  static constexpr int32_t kEverything = 1 << 30;
  // `window`: only so many last positions count for what is said, and otherwise every 32 positions, so that it repeats
  // itself but not for ever; the rest is still looked at.
  explicit HashDecoder(kernels::Backend& backend, int32_t max_positions = 1024,
                       int32_t window = kEverything)
      : backend_(backend), window_(window) {
    geometry_.layers = 1;
    geometry_.hidden = 4;
    geometry_.heads = 1;
    geometry_.kv_heads = 1;
    geometry_.head_dim = 4;
    geometry_.ffn = 4;
    geometry_.vocabulary = 64;
    geometry_.max_positions = max_positions;
  }

  const model::DecoderGeometry& geometry() const override { return geometry_; }
  size_t weight_bytes() const override { return 0; }
  model::DecoderState NewState(int32_t max_rows, int32_t max_logit_rows) const override {
    model::DecoderState state;
    state.x = backend_.Allocate(kernels::DType::kF32, max_rows, geometry_.hidden);
    state.logits = backend_.Allocate(kernels::DType::kF32, max_logit_rows, geometry_.vocabulary);
    return state;
  }

  void Forward(const model::DecoderInput& input, model::DecoderState& state) const override {
    const kernels::StepBatch& batch = *input.batch;
    ++steps_;
    int32_t embedding = 0;
    for (int32_t row = 0; row < batch.rows; ++row) {
      const TokenId id = input.ids[static_cast<size_t>(row)];
      uint32_t value = static_cast<uint32_t>(id);
      if (id < 0) std::memcpy(&value, input.embeddings.F32(embedding++), sizeof(value));
      Cell& cell = At(batch, row, batch.position[row]);
      cell.value = value;
      cell.position = static_cast<uint32_t>(batch.position[row]);
      cell.written = kWritten;
    }
    for (size_t i = 0; i < input.logit_rows.size(); ++i) {
      const int32_t row = input.logit_rows[i];
      uint64_t hash = 1469598103934665603U;
      for (int32_t position = 0; position <= batch.position[row]; ++position) {
        const Cell& cell = At(batch, row, position);
        PARLEY_CHECK(cell.written == kWritten, "a row reads a position that was never written");
        PARLEY_CHECK(cell.position == static_cast<uint32_t>(position), "a position out of place");
        if (position <= batch.position[row] - window_) continue;
        hash = (hash ^ cell.value) * 1099511628211U;
      }
      if (window_ < kEverything) {
        hash = (hash ^ static_cast<uint64_t>(batch.position[row] / 32)) * 1099511628211U;
      }
      float* logits = state.logits.view().F32(static_cast<int32_t>(i));
      for (int32_t id = 0; id < geometry_.vocabulary; ++id) {
        hash = hash * 6364136223846793005U + 1442695040888963407U;
        logits[id] = static_cast<float>(hash >> 40);
      }
    }
  }

  int64_t steps() const { return steps_; }

 private:
  static constexpr uint32_t kWritten = 0xC0FFEE;
  struct Cell {  // one position of the keys, head_dim = 4 floats
    uint32_t value, position, written, unused;
  };
  Cell& At(const kernels::StepBatch& batch, int32_t row, int32_t position) const {
    const int32_t page =
        batch.page_table[batch.row_seq[row] * batch.max_pages + position / kernels::kPageTokens];
    PARLEY_CHECK(page >= 0 && page < batch.pool->pages, "a page outside the pool");
    auto* base = static_cast<std::byte*>(batch.pool->memory.get()) +
                 static_cast<size_t>(page) * batch.pool->geometry.page_bytes();
    return reinterpret_cast<Cell*>(base)[position % kernels::kPageTokens];
  }

  kernels::Backend& backend_;
  const int32_t window_;
  model::DecoderGeometry geometry_;
  mutable int64_t steps_ = 0;
};

}  // namespace parley::test

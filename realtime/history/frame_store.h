// Sound that a model hears as embeddings, named by ids: every row has an id of its own below zero, so
// that a trunk, its edits and its branches handle frames as they handle tokens, and a row that was
// encoded again is another row.
// Thread:   plain value; one owner.
// Memory:   the embeddings of every row that is still held (Keep).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/ids.h"
#include "engine/engine.h"

namespace parley::realtime {

class FrameStore {
 public:
  static bool IsFrame(TokenId id) { return id < 0; }

  // The ids of `count` rows from `first` on, in their order.
  std::vector<TokenId> Add(std::shared_ptr<const engine::Embeddings> rows, int32_t first,
                           int32_t count);
  // The same ids as what an engine takes: runs of tokens, and runs of rows.
  std::vector<engine::Input> Inputs(std::span<const TokenId> ids) const;
  // Rows that do not stand here are forgotten.
  void Keep(std::span<const TokenId> held);

  size_t spans() const { return spans_.size(); }

 private:
  struct Span {  // ids first_id, first_id - 1, …
    TokenId first_id = 0;
    int32_t first_row = 0, rows = 0;
    std::shared_ptr<const engine::Embeddings> embeddings;
  };
  const Span& Of(TokenId id) const;

  std::vector<Span> spans_;  // by falling id
  TokenId next_ = -1;
};

}  // namespace parley::realtime

// SPDX-License-Identifier: Apache-2.0
#include "realtime/history/frame_store.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/check.h"
#include "engine/embeddings.h"

namespace parley::realtime {

std::vector<TokenId> FrameStore::Add(std::shared_ptr<const engine::Embeddings> rows, int32_t first,
                                     int32_t count) {
  std::vector<TokenId> ids;
  if (count <= 0) return ids;
  spans_.push_back({next_, first, count, std::move(rows)});
  for (int32_t i = 0; i < count; ++i) ids.push_back(next_--);
  return ids;
}

const FrameStore::Span& FrameStore::Of(TokenId id) const {
  // The first span whose last id is not above this one.
  const auto found = std::partition_point(spans_.begin(), spans_.end(), [id](const Span& span) {
    return span.first_id - span.rows + 1 > id;
  });
  PARLEY_CHECK(found != spans_.end() && id <= found->first_id, "a frame that was forgotten");
  return *found;
}

std::vector<engine::Input> FrameStore::Inputs(std::span<const TokenId> ids) const {
  std::vector<engine::Input> inputs;
  for (size_t at = 0; at < ids.size();) {
    size_t end = at + 1;
    if (!IsFrame(ids[at])) {
      while (end < ids.size() && !IsFrame(ids[end])) ++end;
      inputs.push_back({.tokens = {ids.begin() + static_cast<int64_t>(at),
                                   ids.begin() + static_cast<int64_t>(end)}});
    } else {
      const Span& span = Of(ids[at]);
      const TokenId last = span.first_id - span.rows + 1;
      while (end < ids.size() && ids[end] == ids[end - 1] - 1 && ids[end] >= last) ++end;
      const int32_t first = span.first_row + (span.first_id - ids[at]);
      inputs.push_back({.embeddings = std::make_shared<const engine::Embeddings>(
                            *span.embeddings, first, static_cast<int32_t>(end - at))});
    }
    at = end;
  }
  return inputs;
}

void FrameStore::Keep(std::span<const TokenId> held) {
  if (spans_.empty()) return;
  std::vector<TokenId> frames;
  std::copy_if(held.begin(), held.end(), std::back_inserter(frames), IsFrame);
  std::sort(frames.begin(), frames.end());
  std::erase_if(spans_, [&](const Span& span) {
    const auto found =
        std::lower_bound(frames.begin(), frames.end(), span.first_id - span.rows + 1);
    return found == frames.end() || *found > span.first_id;
  });
}

}  // namespace parley::realtime

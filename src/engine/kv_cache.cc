// SPDX-License-Identifier: Apache-2.0
#include "engine/kv_cache.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace parley::engine {

using kernels::kPageTokens;

Result<std::unique_ptr<KvCache>> KvCache::Make(kernels::Backend& backend,
                                               const kernels::KvGeometry& geometry,
                                               Admission& admission) {
  PARLEY_TRY(kernels::KvPool pool, backend.AllocateKv(geometry, admission.pages()));
  return std::unique_ptr<KvCache>(new KvCache(backend, std::move(pool), admission));
}

int32_t KvCache::MakeWritable(SequenceState& sequence, int32_t rows, PagePool::Refusal& refusal) {
  const Position begin = sequence.computed;
  const Position end = begin + rows;
  refusal = PagePool::Refusal::kNone;
  for (Position at = begin; at < end; at = (at / kPageTokens + 1) * kPageTokens) {
    const auto index = static_cast<size_t>(at / kPageTokens);
    if (index == sequence.pages.size()) {
      const int32_t page = pages_.Take(*sequence.talk, sequence.firm, refusal);
      if (page < 0) return static_cast<int32_t>(at - begin);
      sequence.pages.push_back(page);
    } else if (int32_t& page = sequence.pages[index]; pages_.shared(page)) {
      const int32_t shared = page;
      const int32_t fresh = pages_.Replace(shared, sequence.firm, refusal);
      if (fresh < 0) return static_cast<int32_t>(at - begin);
      if (at % kPageTokens != 0) {  // rows before `at` come along
        backend_.CopyPage(pool_, shared, fresh);
        ++copies_;
      }
      page = fresh;
    }
  }
  return rows;
}

void KvCache::Fork(const SequenceState& parent, Position at, SequenceState& child) {
  child.computed = std::min(parent.computed, at);
  const auto held = static_cast<size_t>(PagesFor(child.computed));
  child.pages.reserve(parent.pages.capacity());
  child.pages.assign(parent.pages.begin(), parent.pages.begin() + static_cast<int64_t>(held));
  for (const int32_t page : child.pages) pages_.Share(page, /*firm=*/false);
}

void KvCache::Truncate(SequenceState& sequence, Position to) {
  sequence.computed = std::min(sequence.computed, to);
  const auto keep = static_cast<size_t>(PagesFor(to));
  while (sequence.pages.size() > keep) {
    pages_.Drop(sequence.pages.back(), sequence.firm);
    sequence.pages.pop_back();
  }
}

bool KvCache::HoldsSoftPages(const SequenceState& sequence) const {
  return !sequence.firm &&
         std::ranges::any_of(sequence.pages, [this](int32_t page) { return pages_.soft(page); });
}

}  // namespace parley::engine

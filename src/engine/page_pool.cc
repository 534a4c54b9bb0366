// SPDX-License-Identifier: Apache-2.0
#include "engine/page_pool.h"

#include <algorithm>

#include "common/check.h"

namespace parley::engine {

PagePool::PagePool(int32_t pages, Admission& admission)
    : admission_(admission), pages_(static_cast<size_t>(pages)) {
  free_.reserve(pages_.size());
  for (int32_t page = pages - 1; page >= 0; --page) free_.push_back(page);
}

// The promise keeps the sum over talks of max(reserved, firm) within the pool. So whenever a firm page may be taken,
// there is a free page or a soft one.
int32_t PagePool::Take(Talk& talk, bool firm, Refusal& refusal) {
  refusal = Refusal::kNone;
  if (!firm) {
    const int32_t kept_for_firm = admission_.promised() - firm_;
    if (static_cast<int32_t>(free_.size()) <= kept_for_firm) {
      refusal = Refusal::kNoFreePage;
      return -1;
    }
    return TakeFree(talk, firm);
  }
  if (free_.empty()) {
    refusal = Refusal::kNoFreePage;
    return -1;
  }
  if (talk.firm >= talk.reserved && !admission_.TryPromise(1)) {
    refusal = Refusal::kNotPromised;
    return -1;
  }
  Grow(talk);
  return TakeFree(talk, firm);
}

int32_t PagePool::Replace(int32_t page, bool firm, Refusal& refusal) {
  Page& old = pages_[Index(page)];
  const bool swaps = firm && old.firm_refs == 1;  // firm pages stay as many
  if (!swaps) {
    const int32_t fresh = Take(*old.talk, firm, refusal);
    if (fresh >= 0) Drop(page, firm);
    return fresh;
  }
  refusal = free_.empty() ? Refusal::kNoFreePage : Refusal::kNone;
  if (free_.empty()) return -1;
  --old.refs;
  --old.firm_refs;
  PARLEY_CHECK(old.refs > 0, "a page of one holder is written in place");
  return TakeFree(*old.talk, firm);
}

int32_t PagePool::TakeFree(Talk& talk, bool firm) {
  const int32_t page = free_.back();
  free_.pop_back();
  pages_[Index(page)] = {.refs = 1, .firm_refs = firm ? 1 : 0, .talk = &talk};
  peak_ = std::max(peak_, used());
  return page;
}

void PagePool::Share(int32_t page, bool firm) {
  Page& held = pages_[Index(page)];
  PARLEY_CHECK(held.refs > 0, "sharing a free page");
  PARLEY_CHECK(!firm || held.firm_refs > 0, "a fork begins soft");
  ++held.refs;
  if (firm) ++held.firm_refs;
}

void PagePool::Drop(int32_t page, bool firm) {
  Page& held = pages_[Index(page)];
  PARLEY_CHECK(held.refs > 0 && (!firm || held.firm_refs > 0), "dropping a page that is not held");
  if (firm && --held.firm_refs == 0) Shrink(*held.talk);
  if (--held.refs == 0) {
    held.talk = nullptr;
    free_.push_back(page);
  }
}

bool PagePool::MakeFirm(Talk& talk, const std::vector<int32_t>& held) {
  const auto gained = static_cast<int32_t>(std::ranges::count_if(
      held, [this](int32_t page) { return pages_[Index(page)].firm_refs == 0; }));
  const int32_t beyond =
      std::max(talk.firm + gained, talk.reserved) - std::max(talk.firm, talk.reserved);
  if (beyond > 0 && !admission_.TryPromise(beyond)) return false;
  for (const int32_t page : held) {
    if (pages_[Index(page)].firm_refs++ == 0) Grow(talk);
  }
  return true;
}

void PagePool::CloseTalk(Talk& talk) {
  PARLEY_CHECK(talk.firm == 0, "a talk is closed while it holds pages");
  admission_.Return(talk.reserved);
  talk.reserved = 0;
}

void PagePool::Grow(Talk& talk) {
  ++talk.firm;
  ++firm_;
}

void PagePool::Shrink(Talk& talk) {
  --talk.firm;
  --firm_;
  if (talk.firm >= talk.reserved) admission_.Return(1);
}

}  // namespace parley::engine

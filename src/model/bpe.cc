// SPDX-License-Identifier: Apache-2.0
#include "model/bpe.h"

#include <algorithm>
#include <bit>

namespace parley::model {
namespace {

constexpr TokenId kGone = -1;

uint64_t PairKey(TokenId left, TokenId right) {
  return (static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32U) | static_cast<uint32_t>(right);
}

size_t Spread(uint64_t key) {  // the high bits of a multiplication: neighbours land far apart
  return static_cast<size_t>((key * 0x9E3779B97F4A7C15U) >> 20U);
}

// std::push_heap keeps the greatest on top: the best candidate is the one of lowest rank, then leftmost.
struct Worse {
  bool operator()(const Bpe::Candidate& a, const Bpe::Candidate& b) const {
    return a.rank != b.rank ? a.rank > b.rank : a.at > b.at;
  }
};

}  // namespace

Bpe::Bpe(const std::array<TokenId, 256>& byte_ids, const std::vector<BpeMerge>& merges)
    : byte_ids_(byte_ids) {
  slots_.resize(std::bit_ceil(2 * merges.size() + 2));
  const size_t mask = slots_.size() - 1;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const uint64_t key = PairKey(merges[rank].left, merges[rank].right);
    size_t at = Spread(key) & mask;
    while (slots_[at].rank >= 0 && slots_[at].pair != key) at = (at + 1) & mask;
    slots_[at] = {key, static_cast<int32_t>(rank),
                  merges[rank].merged};  // the last of two equal pairs counts
  }
}

const Bpe::Slot* Bpe::FindPair(TokenId left, TokenId right) const {
  const uint64_t key = PairKey(left, right);
  const size_t mask = slots_.size() - 1;
  for (size_t at = Spread(key) & mask; slots_[at].rank >= 0; at = (at + 1) & mask) {
    if (slots_[at].pair == key) return &slots_[at];
  }
  return nullptr;
}

void Bpe::Offer(Scratch& scratch, int32_t left, int32_t right) const {
  const auto& symbols = scratch.symbols;
  const Slot* pair =
      FindPair(symbols[static_cast<size_t>(left)].id, symbols[static_cast<size_t>(right)].id);
  if (!pair) return;
  scratch.heap.push_back({pair->rank, left, pair->merged});
  std::push_heap(scratch.heap.begin(), scratch.heap.end(), Worse{});
}

void Bpe::MergeAll(Scratch& scratch) const {
  auto& symbols = scratch.symbols;
  while (!scratch.heap.empty()) {
    std::pop_heap(scratch.heap.begin(), scratch.heap.end(), Worse{});
    const Candidate best = scratch.heap.back();
    scratch.heap.pop_back();
    Symbol& left = symbols[static_cast<size_t>(best.at)];
    if (left.id == kGone || left.next < 0) continue;
    Symbol& right = symbols[static_cast<size_t>(left.next)];
    // A candidate is stale when its symbols have changed. Hugging Face asks for the merged id only, not for the rank:
    // two pairs can make the same id, and the results must be the same as there.
    const Slot* pair = FindPair(left.id, right.id);
    if (!pair || pair->merged != best.merged) continue;
    left.id = best.merged;
    left.next = right.next;
    right.id = kGone;
    if (left.next >= 0) symbols[static_cast<size_t>(left.next)].previous = best.at;
    if (left.previous >= 0) Offer(scratch, left.previous, best.at);
    if (left.next >= 0) Offer(scratch, best.at, left.next);
  }
}

void Bpe::Encode(std::string_view word, Scratch& scratch, std::vector<TokenId>& out) const {
  scratch.symbols.clear();
  scratch.heap.clear();
  for (const char byte : word) {
    const TokenId id = byte_ids_[static_cast<uint8_t>(byte)];
    if (id < 0) continue;
    const auto index = static_cast<int32_t>(scratch.symbols.size());
    if (index > 0) scratch.symbols.back().next = index;
    scratch.symbols.push_back({id, index - 1, -1});
  }
  for (size_t i = 0; i + 1 < scratch.symbols.size(); ++i) {
    Offer(scratch, static_cast<int32_t>(i), static_cast<int32_t>(i) + 1);
  }
  MergeAll(scratch);
  for (const Symbol& symbol : scratch.symbols) {
    if (symbol.id != kGone) out.push_back(symbol.id);
  }
}

}  // namespace parley::model

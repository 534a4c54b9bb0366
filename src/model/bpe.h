// Byte-pair encoding of one word: pairs merge in order of rank, leftmost first, exactly as Hugging Face's BPE does it.
// Thread:   const after construction; share it.
// Memory:   one flat table of pairs; Encode works in scratch the caller keeps.
// Time:     O(n log n) in the bytes of a word, whatever stands in it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "common/ids.h"

namespace parley::model {

struct BpeMerge {
  TokenId left = 0;
  TokenId right = 0;
  TokenId merged = 0;
};

class Bpe {
 public:
  struct Symbol {
    TokenId id = 0;  // kGone when it was merged into its left neighbour
    int32_t previous = -1;
    int32_t next = -1;
  };
  struct Candidate {
    int32_t rank = 0;
    int32_t at = 0;  // index of the left symbol
    TokenId merged = 0;
  };
  struct Scratch {
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
  };

  // `byte_ids[b]`: the id of byte b alone, or -1 when the vocabulary lacks it; such bytes vanish, as they do there.
  // `merges` in order of rank.
  Bpe(const std::array<TokenId, 256>& byte_ids, const std::vector<BpeMerge>& merges);

  void Encode(std::string_view word, Scratch& scratch, std::vector<TokenId>& out) const;

 private:
  struct Slot {
    uint64_t pair = 0;
    int32_t rank = -1;  // -1: empty
    TokenId merged = 0;
  };
  const Slot* FindPair(TokenId left, TokenId right) const;
  void Offer(Scratch& scratch, int32_t left, int32_t right) const;
  void MergeAll(Scratch& scratch) const;

  std::array<TokenId, 256> byte_ids_;
  std::vector<Slot>
      slots_;  // open addressing; the size is a power of two, at most half of it taken
};

}  // namespace parley::model

// Who holds which page of the key-value cache, and who may take another. A page belongs to one talk. It is firm while
// a firm sequence (a talk's trunk, an answer) holds it, and soft while only branches that may be stopped do (thought,
// speculation). Firm pages within a talk's reservation are always to be had: soft ones make room for them.
// Thread:   one owner (the engine's step); only Admission is shared.
// Memory:   three numbers a page, allocated once.
// Overload: Take returns -1; whoever called decides whom to stop.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "engine/admission.h"

namespace parley::engine {

// One talk's share of the pool.
struct Talk {
  int32_t reserved = 0;   // pages
  int32_t firm = 0;       // pages
  int32_t sequences = 0;  // alive
  int32_t firm_sequences = 0;
};

class PagePool {
 public:
  PagePool(int32_t pages, Admission& admission);

  // kNoFreePage: after stopping a soft holder it may work. kNotPromised: a firm page beyond the talk's reservation that
  // the pool has promised to others.
  enum class Refusal : uint8_t { kNone, kNoFreePage, kNotPromised };
  // A page held once, or -1.
  int32_t Take(Talk& talk, bool firm, Refusal& refusal);
  // Copy on write: gives a hold of `page` up for a page of its own, or returns -1 and changes nothing.
  int32_t Replace(int32_t page, bool firm, Refusal& refusal);
  void Share(int32_t page, bool firm);
  void Drop(int32_t page, bool firm);
  bool shared(int32_t page) const { return pages_[Index(page)].refs > 1; }
  bool soft(int32_t page) const { return pages_[Index(page)].firm_refs == 0; }

  // A soft sequence becomes firm: false when the pool cannot promise its pages; then nothing has changed.
  bool MakeFirm(Talk& talk, const std::vector<int32_t>& held);
  void CloseTalk(Talk& talk);  // returns what it reserved; it holds no page any more

  int32_t total() const { return static_cast<int32_t>(pages_.size()); }
  int32_t used() const { return total() - static_cast<int32_t>(free_.size()); }
  int32_t peak() const { return peak_; }

 private:
  struct Page {
    int32_t refs = 0;
    int32_t firm_refs = 0;
    Talk* talk = nullptr;
  };
  static size_t Index(int32_t page) { return static_cast<size_t>(page); }
  int32_t TakeFree(Talk& talk, bool firm);
  void Grow(Talk& talk);
  void Shrink(Talk& talk);

  Admission& admission_;
  std::vector<Page> pages_;
  std::vector<int32_t> free_;
  int32_t firm_ = 0;  // pages with firm_refs > 0
  int32_t peak_ = 0;
};

}  // namespace parley::engine

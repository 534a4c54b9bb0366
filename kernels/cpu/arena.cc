// Blocks from the kernel, aligned so that they can be huge pages.
// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/arena.h"

#include <sys/mman.h>

#include <cstdint>

namespace parley::kernels::cpu {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kBlock = size_t{32} << 20;

size_t RoundUp(size_t n, size_t to) { return (n + to - 1) / to * to; }

}  // namespace

std::shared_ptr<uint8_t> Arena::Map(size_t bytes) const {
  const size_t whole = bytes + kHugePage;  // room to begin at a multiple of a huge page
  void* base = mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return nullptr;
  auto* begin = static_cast<uint8_t*>(base);
  const size_t lead =
      RoundUp(reinterpret_cast<uintptr_t>(base), kHugePage) - reinterpret_cast<uintptr_t>(base);
  // Advice only: where the kernel refuses, the memory works all the same.
  if (huge_pages_) (void)madvise(begin + lead, bytes, MADV_HUGEPAGE);
  return {begin + lead, [base, whole](uint8_t*) { munmap(base, whole); }};
}

std::shared_ptr<uint8_t> Arena::Allocate(size_t bytes) {
  const size_t rounded = RoundUp(bytes, 64);
  if (rounded > kBlock / 2) return Map(RoundUp(rounded, kHugePage));
  if (used_ + rounded > size_) {
    block_ = Map(kBlock);
    used_ = 0;
    size_ = block_ == nullptr ? 0 : kBlock;
    if (block_ == nullptr) return nullptr;
  }
  std::shared_ptr<uint8_t> piece(block_, block_.get() + used_);
  used_ += rounded;
  return piece;
}

}  // namespace parley::kernels::cpu

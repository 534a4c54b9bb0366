// Counts what a program allocates: replaces global operator new and delete, the nothrow ones too, so that a sanitizer
// sees each pair come from one allocator. Include it in one source of a test program only.
// Thread:   any.
// Memory:   malloc's.
// Overload: out of memory ends the program.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace parley::test {

inline std::atomic<int64_t> allocations{0};  // of all threads
inline thread_local int64_t allocations_of_this_thread = 0;

[[gnu::noinline]] inline void* CountedAllocation(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  ++allocations_of_this_thread;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}

// Not inlined: g++ would see free() meet new and warn.
[[gnu::noinline]] inline void CountedRelease(void* memory) noexcept { std::free(memory); }

}  // namespace parley::test

void* operator new(std::size_t size) { return parley::test::CountedAllocation(size); }
void* operator new[](std::size_t size) { return parley::test::CountedAllocation(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return parley::test::CountedAllocation(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return parley::test::CountedAllocation(size);
}
void operator delete(void* memory) noexcept { parley::test::CountedRelease(memory); }
void operator delete[](void* memory) noexcept { parley::test::CountedRelease(memory); }
void operator delete(void* memory, std::size_t) noexcept { parley::test::CountedRelease(memory); }
void operator delete[](void* memory, std::size_t) noexcept { parley::test::CountedRelease(memory); }

// Ring of mono samples between two threads that must not wait for each other.
// Thread:   one producer (Push), one consumer (Pop, Skip, Clear); neither blocks nor locks.
// Memory:   fixed at construction; Push and Pop never allocate.
// Overload: what does not fit is refused and counted in overruns(); what is not there in time is
//           counted in underruns() by PopOrSilence.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace parley::audio {

class PcmRing {
 public:
  explicit PcmRing(size_t capacity);  // at least this many samples fit

  // Producer. Returns how many samples were taken, from the front of the block.
  size_t Push(std::span<const float> samples);

  // Consumer. Returns how many samples were there.
  size_t Pop(std::span<float> out);
  // Fills all of `out`: what is missing becomes silence.
  void PopOrSilence(std::span<float> out);
  void Clear();               // forget what is waiting
  void Skip(size_t samples);  // as Pop, without looking; at most what is there

  // Either side; a moment later it may be different, but only in the other side's favour.
  size_t size() const;
  size_t capacity() const { return samples_.size(); }
  int64_t overruns() const { return overruns_.load(std::memory_order_relaxed); }    // samples
  int64_t underruns() const { return underruns_.load(std::memory_order_relaxed); }  // samples

 private:
  std::vector<float> samples_;  // a power of two
  // Counts of all samples ever written and read; the place is the count modulo the capacity. On
  // lines of their own, so that the two threads do not take them from each other.
  alignas(64) std::atomic<uint64_t> written_ = 0;
  alignas(64) std::atomic<uint64_t> read_ = 0;
  alignas(64) std::atomic<int64_t> overruns_ = 0;
  std::atomic<int64_t> underruns_ = 0;
};

}  // namespace parley::audio

// SPDX-License-Identifier: Apache-2.0
#include "audio_io/pcm_ring.h"

#include <algorithm>
#include <bit>

#include "common/check.h"

namespace parley::audio {

PcmRing::PcmRing(size_t capacity) : samples_(std::bit_ceil(capacity)) {
  PARLEY_CHECK(capacity > 0, "a ring holds something");
}

size_t PcmRing::Push(std::span<const float> samples) {
  const uint64_t written = written_.load(std::memory_order_relaxed);
  // Acquire: the consumer has finished with the places that it gave back.
  const uint64_t read = read_.load(std::memory_order_acquire);
  const size_t taken = std::min(samples.size(), samples_.size() - (written - read));
  const size_t at = written & (samples_.size() - 1);
  const size_t before_end = std::min(taken, samples_.size() - at);
  std::copy_n(samples.begin(), before_end, samples_.begin() + static_cast<std::ptrdiff_t>(at));
  std::copy_n(samples.begin() + static_cast<std::ptrdiff_t>(before_end), taken - before_end,
              samples_.begin());
  written_.store(written + taken, std::memory_order_release);
  if (taken < samples.size()) {
    overruns_.fetch_add(static_cast<int64_t>(samples.size() - taken), std::memory_order_relaxed);
  }
  return taken;
}

size_t PcmRing::Pop(std::span<float> out) {
  const uint64_t read = read_.load(std::memory_order_relaxed);
  const uint64_t written = written_.load(std::memory_order_acquire);
  const size_t given = std::min<size_t>(out.size(), written - read);
  const size_t at = read & (samples_.size() - 1);
  const size_t before_end = std::min(given, samples_.size() - at);
  std::copy_n(samples_.begin() + static_cast<std::ptrdiff_t>(at), before_end, out.begin());
  std::copy_n(samples_.begin(), given - before_end,
              out.begin() + static_cast<std::ptrdiff_t>(before_end));
  read_.store(read + given, std::memory_order_release);
  return given;
}

void PcmRing::PopOrSilence(std::span<float> out) {
  const size_t given = Pop(out);
  if (given == out.size()) return;
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(given), out.end(), 0.0f);
  underruns_.fetch_add(static_cast<int64_t>(out.size() - given), std::memory_order_relaxed);
}

void PcmRing::Clear() {
  read_.store(written_.load(std::memory_order_acquire), std::memory_order_release);
}

void PcmRing::Skip(size_t samples) {
  const uint64_t read = read_.load(std::memory_order_relaxed);
  const uint64_t written = written_.load(std::memory_order_acquire);
  read_.store(read + std::min<uint64_t>(samples, written - read), std::memory_order_release);
}

size_t PcmRing::size() const {
  const uint64_t read = read_.load(std::memory_order_acquire);
  return written_.load(std::memory_order_acquire) - read;
}

}  // namespace parley::audio

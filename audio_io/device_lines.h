// What stands between a device's callback and the thread that works for it: a line from the
// microphone and a line to the loudspeaker. The callback's side takes no lock, waits for nothing and
// allocates nothing.
//
// Each line also says how its device's clock runs: the epoch of a callback is its time minus the
// length of all sound so far. A callback may come late, never early, so the earliest epoch of a
// second is the true one but for a constant, and how it moves is the drift.
//
// Thread:   OnFrames and FillFrames on their devices' threads; Play, Cut, SetGain, AnswerBegins,
//           AnswerSent from one thread; Take, Wait and TakePlayed from one thread.
// Memory:   rings of two seconds, fixed at construction.
// Overload: sound that does not fit is refused and counted: lost() and refused(). An answer that
//           runs dry in the middle is counted in gaps().
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <semaphore.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>

#include "audio_io/device.h"
#include "audio_io/pcm_ring.h"

namespace parley::audio {

// Nanoseconds on the steady clock, or on a simulated one.
using DeviceClock = std::function<int64_t()>;
int64_t SteadyNanoseconds();

class EpochMeter {
 public:
  void Tell(int64_t epoch_ns) noexcept;  // the device's thread
  std::optional<int64_t> Take();         // the earliest since the last time

 private:
  static constexpr int64_t kNone = std::numeric_limits<int64_t>::max();
  std::atomic<int64_t> earliest_{kNone};
};

class CaptureLine final : public FrameTaker {
 public:
  CaptureLine(int rate_hz, DeviceClock clock);
  ~CaptureLine() override;
  CaptureLine(const CaptureLine&) = delete;
  CaptureLine& operator=(const CaptureLine&) = delete;

  void OnFrames(std::span<const float> frames) noexcept override;

  size_t Take(std::span<float> out) { return ring_.Pop(out); }
  bool Wait(int ms);  // for the next frames; false: none came
  void Wake();        // ends a Wait
  std::optional<int64_t> TakeEpoch() { return epoch_.Take(); }
  int64_t captured() const { return captured_.load(std::memory_order_acquire); }
  int64_t lost() const { return ring_.overruns(); }  // samples
  int rate_hz() const { return rate_hz_; }

 private:
  const int rate_hz_;
  const DeviceClock clock_;
  PcmRing ring_;
  sem_t ready_{};
  std::atomic<int64_t> captured_{0};
  EpochMeter epoch_;
};

class PlaybackLine final : public FrameGiver {
 public:
  PlaybackLine(int rate_hz, double latency_ms, DeviceClock clock);

  void FillFrames(std::span<float> frames) noexcept override;

  // ---- whoever has the answer; samples at rate_hz()
  void AnswerBegins();
  size_t Play(std::span<const float> samples);
  void AnswerSent();         // nothing more comes: running dry is no gap
  void Cut();                // what waits is not played; fades out in 5 ms
  void SetGain(float gain);  // from what plays next, over 20 ms
  // Of the answer in hand, as far as it has left the device.
  int64_t heard() const;
  int64_t queued() const { return static_cast<int64_t>(ring_.size()); }
  bool drained() const;  // and has left the device

  // ---- the echo canceller: everything that was given to the device, with silence where none was
  size_t TakePlayed(std::span<float> out) { return played_.Pop(out); }
  std::optional<int64_t> TakeEpoch() { return epoch_.Take(); }

  int64_t given() const { return given_.load(std::memory_order_acquire); }  // with silence
  int64_t gaps() const { return gaps_.load(std::memory_order_relaxed); }
  int64_t refused() const { return ring_.overruns(); }                    // samples
  float level() const { return level_.load(std::memory_order_relaxed); }  // of the last frame
  int rate_hz() const { return rate_hz_; }

 private:
  size_t Fade(std::span<float> frames, uint64_t cut) noexcept;
  void Amplify(std::span<float> frames) noexcept;

  const int rate_hz_;
  const int64_t latency_;  // samples
  const DeviceClock clock_;
  PcmRing ring_, played_;
  EpochMeter epoch_;
  uint64_t written_ = 0;          // the player's
  int64_t answer_begin_ = 0;      // the player's
  std::atomic<uint64_t> cut_{0};  // what is before it is not played
  std::atomic<uint64_t> taken_{0};
  std::atomic<int64_t> given_{0};
  std::atomic<int64_t> quiet_{0};  // samples of silence since the last of the ring
  std::atomic<bool> more_comes_{false};
  std::atomic<int64_t> gaps_{0};
  std::atomic<float> wanted_gain_{1}, level_{0};
  float gain_ = 1;    // the device's
  bool dry_ = false;  // the device's
};

}  // namespace parley::audio

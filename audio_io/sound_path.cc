// SPDX-License-Identifier: Apache-2.0
#include "audio_io/sound_path.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace parley::audio {
namespace {

constexpr double kRate = kSampleRateHz;
constexpr size_t kChunk = 1024;
// The loudspeaker's sound is read so far behind: it comes in frames, and through a resampler. No
// pair of devices is faster than this, so the echo is always behind what is read.
constexpr double kMarginSeconds = 0.020;
constexpr int kLongestWait = 2;         // blocks
constexpr double kPullSeconds = 5;      // in which a small misreading is made good
constexpr double kMostPull = 50e-6;     // and how fast at the most
constexpr double kJumpSeconds = 0.005;  // what is wrong by more is made good at once
constexpr double kWallPullSeconds = 20;
constexpr double kMostWallPull = 100e-6;
// The reader looks so far ahead: blocks are given that much later instead of a whole block.
constexpr double kLookAhead = 16;
constexpr double kWallSlack = 0.002;  // seconds that are no matter

}  // namespace

SoundPath::SoundPath(CaptureLine& microphone, PlaybackLine& loudspeaker, bool cancels,
                     Record record)
    : microphone_(microphone),
      loudspeaker_(loudspeaker),
      cancels_(cancels),
      record_(std::move(record)),
      near_resampler_(microphone.rate_hz(), kSampleRateHz),
      far_resampler_(loudspeaker.rate_hz(), kSampleRateHz),
      raw_(kChunk),
      // What the resampler holds back: blocks are then whole when a frame is.
      near_(static_cast<size_t>(std::ceil(near_resampler_.delay_ms() * kSampleRateHz / 1000))),
      out_position_(-kLookAhead) {}

// Once a second, the first time after a tenth of one.
void SoundPath::Observe() {
  if (taken_ < next_look_) return;
  next_look_ = taken_ + (next_look_ == 0 ? microphone_.rate_hz() / 10 : microphone_.rate_hz());
  const std::optional<int64_t> mine = microphone_.TakeEpoch();
  if (!mine) return;
  if (!first_epoch_) first_epoch_ = *mine;
  const double t = static_cast<double>(taken_) / microphone_.rate_hz();
  wall_.Add(t, static_cast<double>(*mine - *first_epoch_) * 1e-9);
  if (const std::optional<int64_t> other = loudspeaker_.TakeEpoch()) {
    far_.Add(t, static_cast<double>(*mine - *other) * 1e-9);
  }
}

void SoundPath::TakeSound() {
  while (const size_t n = microphone_.Take(raw_)) {
    taken_ += static_cast<int64_t>(n);
    const auto sound = near_resampler_.Push(std::span(raw_).first(n));
    near_.insert(near_.end(), sound.begin(), sound.end());
  }
  while (const size_t n = loudspeaker_.TakePlayed(raw_)) {
    far_reader_.Push(far_resampler_.Push(std::span(raw_).first(n)));
  }
}

// False: it has not come yet.
bool SoundPath::ReadFar(std::span<float, kEchoBlock> far) {
  const double t = static_cast<double>(done_) / kRate;
  const double wanted = (t + far_.OffsetAt(t) - kMarginSeconds) * kRate;
  misread_s_ = (wanted - far_position_) / kRate;
  if (!aligned_ || std::abs(misread_s_) > kJumpSeconds) {
    if (aligned_) ++realigned_;
    aligned_ = true;
    far_position_ = std::round(wanted);
    misread_s_ = (wanted - far_position_) / kRate;
  }
  // A position that is good enough is left alone: every correction is an echo that moves.
  const double pull = far_.slope() == 0 && std::abs(misread_s_) < kJumpSeconds / 2
                          ? 0
                          : std::clamp(misread_s_ / kPullSeconds, -kMostPull, kMostPull);
  if (far_reader_.Read(far_position_, 1 + far_.slope() + pull, far)) {
    waited_ = 0;
    return true;
  }
  if (++waited_ <= kLongestWait) return false;
  ++late_;
  far_position_ += static_cast<double>(kEchoBlock);
  std::fill(far.begin(), far.end(), 0.0F);
  return true;
}

void SoundPath::GiveAtWallClock(std::span<const float> block,
                                const std::function<void(PcmView)>& give) {
  out_reader_.Push(block);
  std::array<float, kEchoBlock> out{};
  for (;;) {
    const double t = out_position_ / kRate;
    if (wall_.points() > 0 && !first_lag_s_) first_lag_s_ = wall_.OffsetAt(t);
    const double lag = first_lag_s_ ? wall_.OffsetAt(t) - *first_lag_s_ : 0;
    // Given too much so far, in seconds.
    const double ahead = (static_cast<double>(given_) - out_position_ - kLookAhead) / kRate - lag;
    const double pull = wall_.slope() == 0 && std::abs(ahead) < kWallSlack
                            ? 0
                            : std::clamp(ahead / kWallPullSeconds, -kMostWallPull, kMostWallPull);
    if (!out_reader_.Read(out_position_, 1 / (1 + wall_.slope()) + pull, out)) return;
    given_ += kEchoBlock;
    give(out);
  }
}

void SoundPath::Step(const std::function<void(PcmView)>& give) {
  TakeSound();
  Observe();
  size_t used = 0;
  std::array<float, kEchoBlock> far{}, clean{};
  while (near_.size() - used >= kEchoBlock) {
    const EchoBlock near(near_.data() + used, kEchoBlock);
    far.fill(0);
    if (far_.points() > 0 && !ReadFar(far)) break;
    if (cancels_) {
      canceller_.Process(near, far, clean);
    } else {
      std::copy(near.begin(), near.end(), clean.begin());
    }
    if (record_) record_(clean, far);
    used += kEchoBlock;
    done_ += kEchoBlock;
    level_ = 0;
    for (const float x : clean) level_ = std::max(level_, std::abs(x));
    GiveAtWallClock(clean, give);
  }
  near_.erase(near_.begin(), near_.begin() + static_cast<std::ptrdiff_t>(used));
}

}  // namespace parley::audio

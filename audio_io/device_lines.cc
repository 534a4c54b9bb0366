// SPDX-License-Identifier: Apache-2.0
#include "audio_io/device_lines.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace parley::audio {
namespace {

constexpr int kRingSeconds = 2;
constexpr double kFadeSeconds = 0.005;  // shorter clicks
constexpr float kGainSeconds = 0.02F;

size_t RingSize(int rate_hz) { return static_cast<size_t>(rate_hz) * kRingSeconds; }

int64_t Epoch(int64_t now_ns, int64_t samples, int rate_hz) {
  return now_ns - samples * 1'000'000'000 / rate_hz;
}

}  // namespace

int64_t SteadyNanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void EpochMeter::Tell(int64_t epoch_ns) noexcept {
  int64_t earliest = earliest_.load(std::memory_order_relaxed);
  // The reader only ever takes it away, so this ends after two rounds.
  while (epoch_ns < earliest &&
         !earliest_.compare_exchange_weak(earliest, epoch_ns, std::memory_order_relaxed)) {
  }
}

std::optional<int64_t> EpochMeter::Take() {
  const int64_t earliest = earliest_.exchange(kNone, std::memory_order_relaxed);
  if (earliest == kNone) return std::nullopt;
  return earliest;
}

// ---- from the microphone -------------------------------------------------------------------------

CaptureLine::CaptureLine(int rate_hz, DeviceClock clock)
    : rate_hz_(rate_hz), clock_(std::move(clock)), ring_(RingSize(rate_hz)) {
  sem_init(&ready_, 0, 0);
}

CaptureLine::~CaptureLine() { sem_destroy(&ready_); }

void CaptureLine::OnFrames(std::span<const float> frames) noexcept {
  ring_.Push(frames);
  const int64_t all =
      captured_.load(std::memory_order_relaxed) + static_cast<int64_t>(frames.size());
  captured_.store(all, std::memory_order_release);
  epoch_.Tell(Epoch(clock_(), all, rate_hz_));
  sem_post(&ready_);
}

void CaptureLine::Wake() { sem_post(&ready_); }

bool CaptureLine::Wait(int ms) {
  timespec until{};
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += static_cast<long>(ms % 1000) * 1'000'000;
  until.tv_sec += ms / 1000 + until.tv_nsec / 1'000'000'000;
  until.tv_nsec %= 1'000'000'000;
  while (sem_timedwait(&ready_, &until) != 0) {
    if (errno != EINTR) return false;
  }
  while (sem_trywait(&ready_) == 0) {  // one round of work for all that has come
  }
  return true;
}

// ---- to the loudspeaker --------------------------------------------------------------------------

PlaybackLine::PlaybackLine(int rate_hz, double latency_ms, DeviceClock clock)
    : rate_hz_(rate_hz),
      latency_(static_cast<int64_t>(latency_ms * rate_hz / 1000)),
      clock_(std::move(clock)),
      ring_(RingSize(rate_hz)),
      played_(RingSize(rate_hz)) {}

void PlaybackLine::AnswerBegins() {
  answer_begin_ = static_cast<int64_t>(written_);
  wanted_gain_.store(1, std::memory_order_relaxed);
}

size_t PlaybackLine::Play(std::span<const float> samples) {
  const size_t taken = ring_.Push(samples);
  written_ += taken;
  more_comes_.store(true, std::memory_order_release);
  return taken;
}

void PlaybackLine::AnswerSent() { more_comes_.store(false, std::memory_order_release); }

void PlaybackLine::Cut() {
  AnswerSent();
  cut_.store(written_, std::memory_order_release);
}

void PlaybackLine::SetGain(float gain) { wanted_gain_.store(gain, std::memory_order_relaxed); }

int64_t PlaybackLine::heard() const {
  const int64_t quiet = quiet_.load(std::memory_order_acquire);
  const auto taken = static_cast<int64_t>(taken_.load(std::memory_order_acquire));
  const int64_t inside = std::max<int64_t>(0, latency_ - quiet);  // of the device
  return std::clamp<int64_t>(taken - answer_begin_ - inside, 0,
                             static_cast<int64_t>(written_) - answer_begin_);
}

bool PlaybackLine::drained() const {
  return taken_.load(std::memory_order_acquire) == written_ &&
         quiet_.load(std::memory_order_acquire) >= latency_;
}

// The end of what is cut: a few milliseconds that fade, and the rest is passed over.
size_t PlaybackLine::Fade(std::span<float> frames, uint64_t cut) noexcept {
  const uint64_t taken = taken_.load(std::memory_order_relaxed);
  if (cut <= taken) return 0;
  const auto fade = static_cast<size_t>(kFadeSeconds * rate_hz_);
  const size_t n = ring_.Pop(frames.first(std::min({frames.size(), fade, cut - taken})));
  for (size_t i = 0; i < n; ++i) {
    frames[i] *= static_cast<float>(n - i) / static_cast<float>(n + 1);
  }
  ring_.Skip(cut - taken - n);
  taken_.store(cut, std::memory_order_release);
  return n;
}

void PlaybackLine::Amplify(std::span<float> frames) noexcept {
  const float wanted = wanted_gain_.load(std::memory_order_relaxed);
  const float step = 1.0F / (kGainSeconds * static_cast<float>(rate_hz_));
  if (gain_ == 1 && wanted == 1) return;
  for (float& x : frames) {
    gain_ += std::clamp(wanted - gain_, -step, step);
    x *= gain_;
  }
}

void PlaybackLine::FillFrames(std::span<float> frames) noexcept {
  const size_t faded = Fade(frames, cut_.load(std::memory_order_acquire));
  const std::span<float> rest = frames.subspan(faded);
  const size_t n = ring_.Pop(rest);
  std::fill(rest.begin() + static_cast<std::ptrdiff_t>(n), rest.end(), 0.0F);
  taken_.store(taken_.load(std::memory_order_relaxed) + n, std::memory_order_release);
  const bool dry = n < rest.size() && more_comes_.load(std::memory_order_acquire);
  if (dry && !dry_) gaps_.fetch_add(1, std::memory_order_relaxed);
  dry_ = dry;
  const auto silence = static_cast<int64_t>(rest.size() - n);
  const int64_t before = n > 0 || faded > 0 ? 0 : quiet_.load(std::memory_order_relaxed);
  quiet_.store(before + silence, std::memory_order_release);
  Amplify(frames);

  played_.Push(frames);
  float loudest = 0;
  for (const float x : frames) loudest = std::max(loudest, std::abs(x));
  level_.store(loudest, std::memory_order_relaxed);
  const int64_t all = given_.load(std::memory_order_relaxed) + static_cast<int64_t>(frames.size());
  given_.store(all, std::memory_order_release);
  epoch_.Tell(Epoch(clock_(), all, rate_hz_));
}

}  // namespace parley::audio

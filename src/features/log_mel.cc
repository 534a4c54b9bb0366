// SPDX-License-Identifier: Apache-2.0
#include "features/log_mel.h"

#include <algorithm>
#include <cmath>

#include "common/check.h"

namespace parley::features {
namespace {

constexpr int64_t kHalf = kMelWindow / 2;
constexpr float kPowerFloor = 1e-10f;
constexpr float kLogOfFloor = -10.0f;
constexpr float kRange = 8.0f;  // decades below the loudest value

// numpy's "reflect": the end samples are not repeated. Bounces as often as a short sound needs.
int64_t Reflect(int64_t i, int64_t length) {
  if (length == 1) return 0;
  const int64_t period = 2 * (length - 1);
  i = std::abs(i) % period;
  return i < length ? i : period - i;
}

// Lifts what is more than eight decades below the loudest value and scales to about [-1, 1].
void Normalise(std::span<float> log_mel) {
  float loudest = kLogOfFloor;
  for (const float value : log_mel) loudest = std::max(loudest, value);
  const float floor = loudest - kRange;
  for (float& value : log_mel) value = (std::max(value, floor) + 4.0f) * 0.25f;
}

}  // namespace

LogMel::LogMel(int mels)
    : spectrum_(kMelWindow),
      filters_(mels, spectrum_.bins(), kSampleRateHz),
      frame_(kMelWindow),
      power_(static_cast<size_t>(spectrum_.bins())) {}

void LogMel::Frame(PcmView samples, int64_t origin, int64_t length, int64_t t,
                   std::span<float> out) {
  const int64_t begin = t * kMelHop - kHalf;
  const int64_t end = begin + kMelWindow;
  const int64_t known = origin + static_cast<int64_t>(samples.size());
  std::span<const float> frame;
  if (begin >= origin && end <= std::min(known, length)) {
    frame = samples.subspan(static_cast<size_t>(begin - origin), kMelWindow);
  } else {
    bool any = false;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t at = i < 0 || i >= length ? Reflect(i, length) : i;
      const bool given = at >= origin && at < known;
      frame_[static_cast<size_t>(i - begin)] =
          given ? samples[static_cast<size_t>(at - origin)] : 0.0f;
      any |= given;
    }
    if (!any) {  // padding only: seconds of it behind every utterance
      std::fill(out.begin(), out.end(), kLogOfFloor);
      return;
    }
    frame = frame_;
  }
  spectrum_.Compute(frame, power_);
  filters_.Apply(power_, out);
  // log2 is the cheapest exact logarithm of the C library.
  constexpr float kLog10Of2 = 0.301029995663981195f;
  for (float& value : out) value = std::log2(std::max(value, kPowerFloor)) * kLog10Of2;
}

void LogMel::Compute(PcmView samples, int frames, std::span<float> out) {
  const auto mels = static_cast<size_t>(filters_.mels());
  PARLEY_CHECK(frames >= 0 && out.size() == static_cast<size_t>(frames) * mels,
               "features are [frames, mels]");
  const int64_t length = static_cast<int64_t>(frames) * kMelHop;
  samples = samples.first(std::min(samples.size(), static_cast<size_t>(length)));
  for (size_t t = 0; t < static_cast<size_t>(frames); ++t) {
    Frame(samples, 0, length, static_cast<int64_t>(t), out.subspan(t * mels, mels));
  }
  Normalise(out);
}

GrowingLogMel::GrowingLogMel(int mels, int max_frames) : mel_(mels), max_frames_(max_frames) {
  PARLEY_CHECK(max_frames > 0, "no room for features");
  log_mel_.resize(static_cast<size_t>(max_frames) * static_cast<size_t>(mels));
  tail_.reserve(4 * kMelWindow);
}

void GrowingLogMel::Push(PcmView samples) {
  const int64_t room = static_cast<int64_t>(max_frames_) * kMelHop - samples_;
  if (static_cast<int64_t>(samples.size()) > room) {
    overruns_ += static_cast<int64_t>(samples.size()) - room;
    samples = samples.first(static_cast<size_t>(room));
  }
  const auto mels = static_cast<size_t>(mel_.mels());
  while (!samples.empty()) {  // in pieces, so that the tail stays small whatever the caller pushes
    const size_t piece = std::min(samples.size(), tail_.capacity() - tail_.size());
    tail_.insert(tail_.end(), samples.begin(), samples.begin() + static_cast<int64_t>(piece));
    samples = samples.subspan(piece);
    samples_ += static_cast<int64_t>(piece);
    // Frame t looks at samples up to 160 t + 199; frame 0, which is reflected, at sample 200.
    while (final_frames_ < max_frames_ &&
           samples_ > std::max(kHalf, final_frames_ * kMelHop + kHalf - 1)) {
      mel_.Frame(tail_, tail_origin_, samples_, final_frames_,
                 std::span(log_mel_).subspan(static_cast<size_t>(final_frames_) * mels, mels));
      ++final_frames_;
    }
    // What the next frame that is not final looks back on. Its window may be reflected at the end
    // of the padded sound, but never further back than its own beginning.
    const int64_t keep_from = std::max<int64_t>(0, final_frames_ * kMelHop - kHalf);
    tail_.erase(tail_.begin(), tail_.begin() + (keep_from - tail_origin_));
    tail_origin_ = keep_from;
  }
}

void GrowingLogMel::Compute(int frames, std::span<float> out) {
  const auto mels = static_cast<size_t>(mel_.mels());
  PARLEY_CHECK(frames >= MelFrames(samples_) && frames <= max_frames_,
               "frames must hold the sound");
  PARLEY_CHECK(out.size() == static_cast<size_t>(frames) * mels, "features are [frames, mels]");
  const int64_t usable = std::min<int64_t>(final_frames_, frames);
  std::copy_n(log_mel_.begin(), usable * static_cast<int64_t>(mels), out.begin());
  const int64_t length = static_cast<int64_t>(frames) * kMelHop;
  for (int64_t t = usable; t < frames; ++t) {
    mel_.Frame(tail_, tail_origin_, length, t, out.subspan(static_cast<size_t>(t) * mels, mels));
  }
  Normalise(out);
}

void GrowingLogMel::Reset() {
  tail_.clear();
  tail_origin_ = samples_ = final_frames_ = overruns_ = 0;
}

}  // namespace parley::features

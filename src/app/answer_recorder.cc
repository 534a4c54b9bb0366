// SPDX-License-Identifier: Apache-2.0
#include "app/answer_recorder.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

namespace parley::app {
namespace {

constexpr float kAudible = 0.0031623F;  // -50 dBFS
constexpr double kPauseSeconds = 0.5;   // between answers
constexpr float kRampSeconds = 0.02F;   // a gain that jumps would click

}  // namespace

Result<AnswerRecorder> AnswerRecorder::Create(const std::string& path, int rate_hz) {
  AnswerRecorder recorder(rate_hz);
  if (!path.empty()) {
    PARLEY_TRY(recorder.wav_, audio::WavWriter::Create(path, rate_hz));
  }
  return recorder;
}

int64_t AnswerRecorder::PlayedAt(Time at) const {
  return std::clamp<int64_t>(static_cast<int64_t>(Ms(at - began_) * rate_ / 1000.0), 0, samples_);
}

// Samples of this answer below `sample` go to the file.
Status AnswerRecorder::WriteUntil(int64_t sample) {
  const int64_t written = samples_ - static_cast<int64_t>(ahead_.size());
  const auto count =
      static_cast<size_t>(std::clamp<int64_t>(sample - written, 0, samples_ - written));
  Amplify(count);
  if (wav_) {
    PARLEY_TRY_STATUS(wav_->Write(std::span<const float>(ahead_.data(), count)));
  }
  ahead_.erase(ahead_.begin(), ahead_.begin() + static_cast<ptrdiff_t>(count));
  return {};
}

void AnswerRecorder::Amplify(size_t count) {
  const float step = 1.0F / (kRampSeconds * static_cast<float>(rate_));
  for (size_t i = 0; i < count; ++i) {
    gain_ += std::clamp(target_gain_ - gain_, -step, step);
    ahead_[i] *= gain_;
  }
}

Status AnswerRecorder::SetGain(Time at, float gain) {
  PARLEY_TRY_STATUS(WriteUntil(PlayedAt(at)));
  target_gain_ = gain;
  return {};
}

Status AnswerRecorder::NextAnswer() {
  PARLEY_TRY_STATUS(WriteUntil(samples_));
  gain_ = target_gain_ = 1;
  if (samples_ > 0 && wav_) {
    const std::vector<float> pause(static_cast<size_t>(kPauseSeconds * rate_));
    PARLEY_TRY_STATUS(wav_->Write(pause));
  }
  samples_ = 0;
  first_sound_ms_ = -1;
  return {};
}

Status AnswerRecorder::Add(Time at, const realtime::AudioOut& audio) {
  auto length = [&](int64_t samples) { return Duration(samples * 1000000 / rate_); };
  if (samples_ == 0) began_ = at;
  const Time due = began_ + length(samples_);
  if (at > due) {  // the loudspeaker had nothing to play meanwhile
    ++underruns_;
    began_ += at - due;
  }
  if (first_sound_ms_ < 0) {
    const auto loud = std::find_if(audio.samples.begin(), audio.samples.end(),
                                   [](float x) { return std::abs(x) > kAudible; });
    if (loud != audio.samples.end()) {
      first_sound_ms_ = Ms(began_ + length(samples_ + (loud - audio.samples.begin())));
    }
  }
  samples_ += static_cast<int64_t>(audio.samples.size());
  ahead_.insert(ahead_.end(), audio.samples.begin(), audio.samples.end());
  return WriteUntil(PlayedAt(at));
}

Status AnswerRecorder::Cut(Time at) {
  const int64_t heard = PlayedAt(at);
  PARLEY_TRY_STATUS(WriteUntil(heard));
  ahead_.clear();
  samples_ = heard;
  return {};
}

Status AnswerRecorder::Close() {
  PARLEY_TRY_STATUS(WriteUntil(samples_));
  if (!wav_) return {};
  return wav_->Close();
}

}  // namespace parley::app

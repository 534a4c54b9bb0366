// What the user would hear: the answers' sound in the order of playing, and where on the input's clock each began.
// A chunk that comes after its turn to play leaves a gap, which is counted: a loudspeaker would have fallen silent.
// Thread:   one caller.
// Memory:   what was sent ahead of its playing; the rest is in the file.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audio_io/wav_writer.h"
#include "common/clock.h"
#include "common/result.h"
#include "realtime/session.h"

namespace parley::app {

class AnswerRecorder {
 public:
  // An empty path records nothing but the times. Without an answer the file is a sound of no samples.
  static Result<AnswerRecorder> Create(const std::string& path, int rate_hz);

  Status Add(Time at, const realtime::AudioOut& audio);
  // A new answer begins with the next chunk; a pause is written between answers.
  Status NextAnswer();
  // What plays from `at` on is multiplied by this, also what was sent before; until the next answer.
  Status SetGain(Time at, float gain);
  Status Cut(Time at);  // interrupted: what would have played after `at` was not heard
  Status Close();

  double first_sound_ms() const {
    return first_sound_ms_;
  }  // of the answer in hand; negative: none yet
  double audio_ms() const { return 1000.0 * static_cast<double>(samples_) / rate_; }
  int64_t underruns() const { return underruns_; }

 private:
  explicit AnswerRecorder(int rate_hz) : rate_(rate_hz) {}
  Status WriteUntil(int64_t sample);
  void Amplify(size_t count);       // the first of ahead_
  int64_t PlayedAt(Time at) const;  // samples of this answer, as many as were sent

  std::optional<audio::WavWriter> wav_;
  int rate_;
  Time began_;                // when the first sample of this answer played
  int64_t samples_ = 0;       // of this answer, sent
  std::vector<float> ahead_;  // the last of them, sent and not yet due
  double first_sound_ms_ = -1;
  int64_t underruns_ = 0;
  float gain_ = 1, target_gain_ = 1;
};

}  // namespace parley::app

// From a microphone to a talk: sound of 16 kHz on the wall clock, without what the loudspeaker plays.
//
//   CaptureLine ─▶ resample ─┐
//                            ├─▶ cancel the echo ─▶ at the wall clock's speed ─▶ the talk
//   PlaybackLine ─▶ resample ─▶ at the microphone's speed
//
// Both devices have clocks of their own, and so has the talk. The loudspeaker's sound is read at
// the speed at which it gains on the microphone, and the result at the one at which the microphone
// lags the wall clock; where clocks agree nothing is touched.
//
// Thread:   Step and the figures belong to one thread, that of the lines' readers.
// Memory:   two readers of two seconds, the canceller; blocks grow to the largest Step.
// Overload: what the lines refused is theirs to count. Sound of the loudspeaker that has not come
//           after 20 ms is taken for silence, and counted in late().
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "audio_io/device_lines.h"
#include "audio_io/drift.h"
#include "audio_io/echo_canceller.h"
#include "audio_io/resampler.h"
#include "common/pcm.h"

namespace parley::audio {

class SoundPath {
 public:
  // Beside the sound for the talk, for a recording: the same before it is on the wall clock, and
  // what the loudspeaker played.
  using Record = std::function<void(EchoBlock clean, EchoBlock played)>;

  // `cancels`: false with headphones, where there is no echo.
  SoundPath(CaptureLine& microphone, PlaybackLine& loudspeaker, bool cancels, Record record = {});

  // Works off what has come; `give` gets blocks of 10 ms.
  void Step(const std::function<void(PcmView)>& give);

  const EchoCanceller& canceller() const { return canceller_; }
  float level() const { return level_; }  // loudest sample of the last block
  double microphone_ppm() const { return -1e6 * wall_.slope(); }  // by which it runs fast
  double loudspeaker_ppm() const { return 1e6 * far_.slope(); }   // against the microphone
  // How far the loudspeaker's sound is from where it should be read.
  double misread_ms() const { return misread_s_ * 1000; }
  int64_t late() const { return late_; }  // blocks
  int64_t realigned() const { return realigned_; }

 private:
  void Observe();
  void TakeSound();
  bool ReadFar(std::span<float, kEchoBlock> far);
  void GiveAtWallClock(std::span<const float> block, const std::function<void(PcmView)>& give);

  CaptureLine& microphone_;
  PlaybackLine& loudspeaker_;
  const bool cancels_;
  const Record record_;
  Resampler near_resampler_, far_resampler_;
  std::vector<float> raw_, near_;  // near_: 16 kHz, not yet a block
  int64_t taken_ = 0;              // of the microphone, at its rate
  int64_t done_ = 0;               // 16 kHz
  int64_t next_look_ = 0;          // at this many samples of taken_

  Drift far_, wall_;  // of the loudspeaker to the microphone; of the wall to the microphone
  std::optional<int64_t> first_epoch_;
  std::optional<double> first_lag_s_;
  VarispeedReader far_reader_, out_reader_;
  double far_position_ = 0, out_position_ = 0;
  bool aligned_ = false;
  double misread_s_ = 0;
  int waited_ = 0;  // blocks
  int64_t late_ = 0, realigned_ = 0, given_ = 0;
  EchoCanceller canceller_;
  float level_ = 0;
};

}  // namespace parley::audio

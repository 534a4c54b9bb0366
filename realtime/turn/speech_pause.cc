// SPDX-License-Identifier: Apache-2.0
#include "realtime/turn/speech_pause.h"

#include <algorithm>

namespace parley::realtime {

void SpeechPause::Begin(Time voice) {
  const bool goes_on = voice_end_ && voice - *voice_end_ <= kLongestSpeechPause &&
                       (!answered_ || voice < *answered_);
  if (goes_on) {
    Resume(voice);
  } else {
    longest_ = {};
  }
  before_ = longest_;
  voice_end_.reset();
  answered_.reset();
}

void SpeechPause::MayEnd(Time voice_end) { voice_end_ = voice_end; }

void SpeechPause::Resume(Time voice) {
  if (voice_end_) longest_ = std::max(longest_, Duration(voice - *voice_end_));
}

void SpeechPause::Answered(Time when) { answered_ = when; }

void SpeechPause::Forget() {
  voice_end_.reset();
  answered_.reset();
}

}  // namespace parley::realtime

// The longest silence in what the user is saying, over the turns that his pauses have parted: a pause may
// end his turn, and an answer may have begun, before he goes on. He goes on when his voice comes soon
// after his last one and before the answer is over; whoever has heard it to its end replies. From his last
// voice to the next one counts, so that what a microphone hears of the answer itself ends no silence.
//
// Thread:   plain value; one owner.
// Memory:   a few numbers.
// Overload: none.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "common/clock.h"

namespace parley::realtime {

// A longer silence parts what is said: nobody would call it a pause in a sentence.
inline constexpr Duration kLongestSpeechPause = milliseconds(2500);

class SpeechPause {
 public:
  void Begin(Time voice);       // a turn begins with this voice
  void MayEnd(Time voice_end);  // or has ended: his last voice so far
  void Resume(Time voice);      // he goes on in the same turn
  void Answered(Time when);     // all of the answer was heard
  void Forget();                // what was said is none of what comes next

  // Before the turn, in what it goes on with; zero where it goes on with nothing.
  Duration before() const { return before_; }

 private:
  std::optional<Time> voice_end_, answered_;
  Duration before_{}, longest_{};
};

}  // namespace parley::realtime

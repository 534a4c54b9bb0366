// What `ask` reports when a talk is over: the turns, their latencies and the figures of the last line of the trace.
// Thread:   plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "realtime/session.h"

namespace parley::app {

struct TurnSummary {
  realtime::TurnTrace trace;
  double speech_end_ms = -1;   // by a plain energy search over the input, never by our own detector
  double first_sound_ms = -1;  // first sample of the answer above -50 dBFS
  double audio_ms = 0;         // length of the answer's sound
  bool interrupted = false;

  // Voice to voice; negative when there was no answer.
  double v2v_ms() const {
    return speech_end_ms < 0 || first_sound_ms < 0 ? -1 : first_sound_ms - speech_end_ms;
  }
};

struct AskSummary {
  std::vector<TurnSummary> turns;
  realtime::SessionStats session;
  double load_ms = 0;  // models, before the input starts
  double input_ms = 0;
  int64_t underruns = 0;   // times at which a loudspeaker would have had nothing to play
  bool simulated = false;  // --pace fast: no latency of this run is a measurement
  bool no_speech = false;
  std::vector<std::pair<std::string, std::string>> mind;  // how it was told to think: key, value
};

}  // namespace parley::app

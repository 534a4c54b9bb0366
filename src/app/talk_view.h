// What `parley talk` shows on a terminal: a function of what has happened. Lines that are final
// scroll up; below them stands a panel that is drawn again and again.
//
//     you     What is the capital of France?
//     thinks  france capital city -> paris
//     says    The capital of France is Paris.
//             471 ms from your last word: turn end 350 · transcript 248 · first word 318 · first clause 349
//     ──────────────────────────────────────────────────────────────────────
//     you ████████▌            it ██▎                  listening
//     space talk · m mute · s stop · q quit
//
// Thread:   plain values.
// Memory:   the turn in hand.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "realtime/session.h"

namespace parley::app {

struct TalkMeters {  // loudest samples of late, linear
  float microphone = 0, loudspeaker = 0;
};

struct TalkState {
  enum class Phase { kListening, kHearing, kThinking, kSpeaking };
  Phase phase = Phase::kListening;
  bool muted = false;
  bool push_to_talk = false, talking = false;  // talking: the space bar has opened a turn
  bool headphones = false;
  std::string heard;    // the turn so far
  std::string thought;  // the last of it
  std::string saying;   // of the answer, not yet on a final line
  std::string notice;   // of a device, until the next turn
  bool lowered = false;
  TalkMeters meters;
  double erle_db = 0;
};

// Takes an event in; what it gives back are lines that are final.
std::vector<std::string> Apply(TalkState& state, const realtime::Event& event, bool colour);

struct PanelStyle {
  int width = 80;
  bool colour = true;
};
// Every line fits into `width` columns.
std::vector<std::string> Panel(const TalkState& state, const PanelStyle& style);

// "471 ms from your last word: turn end 350 · …"; empty for a turn without an answer.
std::string LatencyLine(const realtime::TurnTrace& trace);

// -60 dBFS is empty, 0 dBFS is full; eighths of a column.
std::string Meter(float level, int columns);

// Cuts to so many columns, "…" at the end; counts code points, as terminals show Latin text.
std::string Fit(const std::string& text, size_t columns);

}  // namespace parley::app

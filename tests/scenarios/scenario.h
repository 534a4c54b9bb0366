// A conversation as a text file, one behaviour each: what is configured, what is said and when, and
// what must come of it. `# ` begins a comment. Times are milliseconds of the input clock.
//
//   config KEY=VALUE                 any key of configs/default.yaml below turn … conversation
//   cost NAME=VALUE                  of the simulated stages: step_us, prefill_us, transcribe_ms, …
//   reply "TEXT"                     the model's next answer; the last one repeats
//   style interleaved | drafted      the model thinks, between marks or between tags; both: a run with each
//   think "TEXT"                     the model's next thought, as `reply`; SECRET must never be said
//   early "TEXT"                     its answer while its thought is not finished
//   note "TEXT"                      its next note, in the order of the talk
//   think_for_ever "TEXT"            its thought goes on with this, again and again
//   reply_without_thought "TEXT"     its answer to a prompt without thought, where `style` is drafted
//   end_inside_thought               its thought is never closed
//   tool NAME MS gives|fails|never "TEXT"   a tool, how long it takes, what comes of it
//   block MS                         sound is pushed in blocks of this length (20)
//   at T speech MS "WORDS"           somebody speaks; "" is a voice without words
//   at T noise MS P                  a sound that the voice detector calls a voice with probability P
//   at T turn_end P                  what the turn detector answers from then on
//   at T text "WORDS"                a typed turn
//   at T notice "WORDS"              a tool has something to say
//   at T commit | interrupt | played SAMPLES
//   at T fail engine | streams | turn_end   the next engine call fails; everything that is being decoded does; the
//                                    turn detector fails from now on
//   until T                          the run ends here
//   expect A..B EVENT [KEY=VALUE …]  an event behind the last one expected, at a time within A..B
//   never A..B EVENT                 no such event in that time
//   count EVENT N                    so many in the whole run
//   trace N KEY OP VALUE             a field of the N-th turn's trace (from 0): = != < <= > >=
//   prompt N has|lacks "TEXT"        what the model stood on when it answered the N-th turn
//   stat KEY OP VALUE                stale, cancelled, spoken, forgotten, truncated, exchanges, …
//   holds "TEXT"                     what the cache holds at the end, as text
//
// Thread:   one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/talk.h"

namespace parley::test {

struct ScenarioLine {
  int number = 0;
  std::vector<std::string> words;  // quotes taken off; KEY="A B" is one word
};

std::vector<ScenarioLine> ReadScenario(const std::string& path);

// Plays the scenario. Nothing: a line could not be understood (reported as a failure).
std::unique_ptr<Talk> PlayScenario(const std::vector<ScenarioLine>& lines);
void CheckScenario(const std::vector<ScenarioLine>& lines, Talk& talk);

std::string EventName(const realtime::Event& event);
std::string EventText(const realtime::Event& event);  // its words
std::string DescribeEvents(const Talk& talk);         // one line an event
// What holds in every talk, whatever happens in it.
void CheckInvariants(Talk& talk);

}  // namespace parley::test

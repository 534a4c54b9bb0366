// Turns sound into words while it is spoken. Decides what to transcribe and when, and which words
// are stable; the transcriber itself is somebody else's.
//
// A turn is transcribed again and again over a window that begins with it. Words on which two
// successive hypotheses agree, and which another word follows, are stable. At a possible end the
// window is transcribed to the end of the voice: that is the turn's text if it was the end. A long
// turn moves its window: behind a pause, whose transcript ends with a whole word, or at the
// quietest place of a window that is full.
//
// Thread:   plain value; one owner.
// Memory:   the text of one turn and two hypotheses; actions are valid until the next call.
// Overload: one request at a time, a final one supersedes a partial; answers to requests of an
//           earlier turn are dropped and counted in stale().
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "engine/engine.h"
#include "realtime/listen/listen_config.h"

namespace parley::realtime {

namespace listen {
struct Transcribe {  // answer with OnTranscript(request, …)
  int64_t request = 0;
  int64_t begin = 0, end = 0;  // samples since the start of the talk
  bool urgent = false;         // a possible end waits for it
  bool soon = false;           // somebody waits for it, who can do without
};
struct FindQuiet {  // answer with CutAt(quietest place between the two)
  int64_t begin = 0, end = 0;
};
struct Stable {  // the turn so far begins with this
  std::string text;
  int64_t heard_until = 0;  // the end of the sound in which its last word was first heard
};
struct Live {  // what it sounds like so far; may change. After a Glance also when it did not.
  std::string text;
  int words = 0;
};
struct Complete {  // the turn's text, if the pause was its end; empty: no words
  std::string text;
};

using Action = std::variant<Transcribe, FindQuiet, Stable, Live, Complete>;
}  // namespace listen

class Listener {
 public:
  using Actions = const std::vector<listen::Action>&;

  explicit Listener(const ListenConfig& config) : config_(config) {}

  // The first sample of the voice. `floor`: sound before it belongs to somebody else.
  Actions Begin(int64_t voice_begin, int64_t floor);
  Actions OnSound(int64_t end, bool voiced);  // everything up to here is there
  Actions OnPause(int64_t end);               // a possible end: transcribe up to here
  Actions OnResume(int64_t voice_begin);      // it was none
  Actions Glance(int64_t end);                // what was said up to here? Live follows
  Actions OnTranscript(int64_t request, const model::Transcript& transcript);
  Actions OnFailed(int64_t request);  // superseded, or the transcriber could not
  Actions CutAt(int64_t sample);
  void End();  // the turn is over, or was nothing

  bool listening() const { return listening_; }
  int64_t begin() const { return begin_; }           // of the turn, with its pre-roll
  Duration voiced() const { return voiced_; }        // voice in this turn so far
  const std::string& live() const { return live_; }  // what it sounds like so far
  const std::string& settled() const { return settled_; }
  int64_t stale() const { return stale_; }

 private:
  enum class Purpose { kPartial, kGlance, kEnd, kCut };
  void Ask(int64_t end, Purpose purpose);
  void Compare(const std::string& text);
  void Report(std::string stable_text, int64_t heard_until);
  void Settle(const std::string& text, int64_t next_begin);
  std::string Whole(const std::string& window_text) const;
  int64_t Ms(int32_t ms) const { return static_cast<int64_t>(ms) * kSampleRateHz / 1000; }

  const ListenConfig config_;
  std::vector<listen::Action> out_;
  bool listening_ = false;
  int64_t begin_ = 0;           // of the turn
  int64_t window_begin_ = 0;    // of what is transcribed
  std::string settled_;         // text before the window: never transcribed again
  std::string previous_;        // last hypothesis of the window
  std::vector<int64_t> heard_;  // for each of its words: the end of the sound that first held it
  int64_t settled_until_ = 0;   // the end of the sound of settled_
  std::string live_;            // as last reported
  std::string stable_;          // as last reported
  Duration voiced_{};
  // Requests.
  int64_t next_request_ = 1, first_request_ = 1;  // of this turn
  int64_t in_flight_ = 0;                         // 0: none
  Purpose purpose_ = Purpose::kPartial;
  int64_t asked_end_ = 0;
  bool paused_ = false;
  // The last possible end whose transcript is there: where the window may begin anew.
  bool edge_ = false;
  std::string edge_text_;
  int64_t stale_ = 0;
};

}  // namespace parley::realtime

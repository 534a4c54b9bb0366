// One talk as its user sees it: push sound, text and playback position; receive events. `ask`, `talk`, `bridge` and
// `bench` know only this; LocalSession is a Conversation in this process, RemoteSession one on another server.
// Thread:   calls may come from any thread; events are delivered on the session's executor, one at a time, in order.
// Memory:   sound is copied in; events own what they carry.
// Overload: sound beyond what a talk can hold is refused and counted (SessionStats::sound_refused_ms).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/clock.h"
#include "common/ids.h"
#include "common/pcm.h"
#include "common/result.h"
#include "common/spoken_text.h"

namespace parley::realtime {

enum class ThoughtWhile : uint8_t { kListening, kGap, kSpeaking };

// ---- what happened, with the time on the clock of the input sound --------------------------------------------------
struct SpeechStarted {
  Time since;  // where the voice began
};
struct Paused {};   // silence long enough to prepare an answer
struct Resumed {};  // it was only a pause: the prepared answer is dropped
struct TurnEnded {
  double probability = 0;  // of the turn detector
  std::string reason;      // "turn_model", "timeout", "push_to_talk", "text"
  Time speech_end;
};
struct Heard {
  std::string text;  // live transcript of the turn so far
  bool final = false;
};
struct Thought {
  ThoughtText text;
  ThoughtWhile when = ThoughtWhile::kListening;
};
struct Say {  // a clause handed to the voice; without one, a piece of the answer
  std::string text;
  size_t begin = 0;  // where in the answer it stands; between clauses there is only white space
};
struct WordTime {
  int64_t first_sample = 0;   // of the answer's sound
  size_t begin = 0, end = 0;  // bytes of the answer's text
};
struct WordsTimed {  // when words of the answer sound; before their sound is sent
  std::vector<WordTime> words;
};
struct FirstAudio {};  // the first sample of an answer is sent
struct AudioOut {
  std::vector<float> samples;  // mono at sample_rate_hz
  int32_t sample_rate_hz = 0;
  int64_t first_sample = 0;  // of this answer
};
struct ToolCalled {  // the client is to run it; its result comes with a later turn
  std::string name;
  std::string arguments;  // a JSON object
};
struct BargedIn {
  std::string heard_text;  // what of the answer was heard
};
// A voice talks over the answer: whoever plays it lowers it now, also what was sent ahead of its
// playing. Restored by Unlowered, by a BargedIn, and by the beginning of the next answer.
struct Lowered {
  float gain = 1;      // linear
  int64_t played = 0;  // samples of this answer, by our count: where it begins
};
struct Unlowered {  // it was nothing: the answer goes on as before
  int64_t played = 0;
};
struct TurnTrace {            // one definition of every latency; times absent are negative
  double speech_end_ms = -1;  // as our own detector saw it
  double turn_end_ms = -1;
  double first_token_ms = -1;  // of the answer that was spoken
  double first_clause_ms = -1;
  double first_audio_ms = -1;
  double transcript_ms = -1;  // final transcript ready
  int64_t thought_tokens_listening = 0, thought_tokens_after_turn = 0, thought_tokens_speaking = 0;
  int64_t thought_tokens_redone = 0;  // of those while listening, that others have replaced
  int64_t answer_tokens = 0, tokens_wasted = 0, reprefilled_tokens = 0;
  std::string thought_end;  // none, model, budget, deadline; empty: the model does not think
  int64_t covers = 0, corrections = 0, tool_calls = 0;
  int64_t speculations = 0, speculations_dropped = 0;
  std::vector<TokenId> prompt_ids;    // what the cache held when the answer began, thought included
  int64_t prompt_thought_tokens = 0;  // of them, that the model has written itself
  int64_t cached_tokens = 0;          // of them, that stood in the cache before the turn
  std::vector<TokenId> answer_ids;
  std::string transcript, answer;
};
struct AnswerSent {  // all of it: what is left is to play it
  TurnTrace trace;
};
struct TurnDone {
  TurnTrace trace;
};
// The talk speaks without being asked; Say, sound and a TurnDone follow.
struct Unasked {
  enum class Why : uint8_t {
    kNotice,  // of a tool: a timer is over
    kGoesOn   // a voice without words had interrupted: what was not heard of the answer
  };
  Why why;
};
struct NoSpeech {};  // the sound ended, or the talk gave up, without a word
struct Failed {
  Error error;
};

struct Event {
  Time at;
  Epoch epoch;
  std::variant<SpeechStarted, Paused, Resumed, TurnEnded, Heard, Thought, Say, FirstAudio, AudioOut,
               BargedIn, TurnDone, NoSpeech, Failed, Lowered, Unlowered, WordsTimed, AnswerSent,
               ToolCalled, Unasked>
      what;
};

using EventSink = std::function<void(const Event&)>;

// What a client may choose for its talk; what is left out is as the operator configured it.
struct TalkSettings {
  enum class TurnEnd {
    kDetector,  // the turn detector, or patience
    kSilence,   // silence_ms
    kCommit     // CommitTurn only: push to talk
  };
  TurnEnd turn_end = TurnEnd::kDetector;
  std::optional<int32_t> silence_ms;   // kSilence
  std::optional<int32_t> patience_ms;  // kDetector
  std::optional<float> end_threshold;  // kDetector: how sure it must be
  std::optional<float> voice_threshold;
  bool barge_in = true;
  bool barge_in_at_once = false;  // at the first sound of a voice, instead of on words
  bool answers = true;            // a turn that has ended is answered; false: only Respond answers
  bool speaks = true;             // false: answers are text
  bool client_tools = false;      // calls of tools are the client's affair (ToolCalled)
  std::optional<float> speed;
  std::optional<int32_t> answer_tokens;  // at most the configured ones
};

// What was said before the next turn: the system's words, and exchanges. An answer may be empty.
struct PastTalk {
  struct Exchange {
    std::string user, answer;
    bool operator==(const Exchange&) const = default;
  };
  std::string system;
  std::vector<Exchange> exchanges;
  bool operator==(const PastTalk&) const = default;
};

struct SessionStats {
  int64_t sound_refused_ms = 0;
  int64_t stale_dropped = 0;  // tokens, clauses and chunks of an older epoch
  // Times at which an answer went on after all that was sent had been played.
  int64_t underruns = 0;
};

class Session {
 public:
  virtual ~Session() = default;
  virtual void PushSound(PcmView sound) = 0;    // any length; positions follow one another
  virtual void PushText(std::string text) = 0;  // a typed turn
  virtual void CommitTurn() = 0;                // push to talk: the turn ends here
  virtual void Played(
      int64_t samples_of_answer) = 0;  // the client's playback position, when it reports one
  virtual void Interrupt() = 0;        // the user pressed stop
  // From the next turn on, except for how turns begin and end, which holds at once.
  virtual void Configure(TalkSettings settings) = 0;
  // Replaces the history. While the user speaks at once, while an answer is on its way behind it.
  virtual void SetPast(PastTalk past) = 0;
  virtual void Respond() = 0;      // to the turn that has ended without an answer, if there is one
  virtual void DiscardTurn() = 0;  // what was heard of a turn that has not ended
  virtual SessionStats stats() const = 0;
};

}  // namespace parley::realtime

// Who is speaking, and whose turn it is: a pure function of voice probabilities, answers of the
// turn detector and what is playing. Time is the time of the sound: the same sound gives the same
// decisions at any machine load, except that the turn detector's answer comes when it comes.
// Only what has been heard counts: nothing is revised later.
//
//   quiet ─voice─▶ speaking ─silence─▶ pause ─finished, or patience over─▶ answering ─▶ quiet
//                      ▲────────voice────┘ ▲                                    │
//                      └── voice before the answer is heard (reopened), or a barge-in
//
// Thread:   plain value; one owner.
// Memory:   a few numbers; the returned actions are valid until the next call.
// Overload: none: one frame in, at most a handful of actions out.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "common/clock.h"
#include "realtime/turn/interjection.h"
#include "realtime/turn/turn_config.h"

namespace parley::realtime {

inline constexpr int kVoiceFrameSamples = 512;
inline constexpr Duration kVoiceFrame = milliseconds(32);

namespace turn {
struct SpeechStarted {  // `since`: where the voice began
  Time since;
};
struct Prepare {  // a possible end: transcribe and prefill what was said until `speech_end`
  Time speech_end;
};
struct AskTurnEnd {  // ask the turn detector; answer with OnTurnProbability(question, …)
  int64_t question = 0;
  Time speech_end;
};
struct Speculate {};  // decode an answer that may be thrown away
struct Resumed {      // it was only a pause
  Time since;         // where the voice went on
};
struct TurnEnded {
  Time speech_end;
  double probability = -1;  // of the turn detector; negative when it was not asked
  std::string_view reason;  // "turn_model", "timeout", "push_to_talk"
};
struct Duck {  // a voice during the answer: lower it
  Time since;  // where the voice began: what is said from here may become a turn
};
struct AskWords {};  // of the voice that lowered the answer; answer with OnWords
struct Unduck {};    // it was nothing
struct BargeIn {     // a turn has begun: the answer stops
  Time since;
};
struct Reopened {  // the voice went on before an answer was heard: the turn was not over
  Time since;
};
struct NobodySpeaks {};  // give_up_ms without a word, once until the next voice

using Action = std::variant<SpeechStarted, Prepare, AskTurnEnd, Speculate, Resumed, TurnEnded, Duck,
                            AskWords, Unduck, BargeIn, Reopened, NobodySpeaks>;
}  // namespace turn

class TurnTaker {
 public:
  using Actions = const std::vector<turn::Action>&;

  explicit TurnTaker(const TurnConfig& config) : config_(config), rules_(config) {}

  void Configure(const TurnConfig& config) {  // holds from the next frame on
    config_ = config;
    rules_ = InterjectionRules(config);
  }

  Actions OnFrame(Time end, float voice_probability);  // one frame of 32 ms that ends at `end`
  Actions OnTurnProbability(int64_t question, double probability);
  // What the transcriber makes of the voice during an answer; also that it hears nothing.
  // `own`: it is what the answer itself has just said.
  Actions OnWords(std::string_view transcript, bool own = false);
  Actions OnCommit();       // push to talk: the turn ends here
  void Discard(Time now);   // the turn was none
  void OnAnswer(Time now);  // one that no voice was waiting for: to text, or unasked

  void AnswerHeard(Time now);    // its first sound is on its way
  void AnswerEnds(Time end);     // as far as is known; may be said again
  Actions AnswerOver(Time now);  // all of it was played, or there is none

  bool voiced() const { return voiced_; }  // the last frame
  bool answering() const { return state_ == State::kAnswering; }
  bool quiet() const { return state_ == State::kQuiet && !voiced_; }
  bool Wordless(std::string_view transcript) const { return rules_.Wordless(transcript); }
  bool user_speaks() const { return state_ == State::kSpeaking; }
  bool users_turn() const { return state_ == State::kSpeaking || state_ == State::kPause; }
  bool lowered() const { return ducked_; }

 private:
  enum class State { kQuiet, kSpeaking, kPause, kAnswering };

  void TrackVoice(Time end, float probability);
  void BeginTurn(Time since);
  void Quiet(Time end);
  void Speaking(Time end);
  void Pause(Time end);
  void Answering(Time end);
  void EndIfDue();
  void End(std::string_view reason);
  void CommitBargeIn();
  bool Interrupted();  // commits when it is so
  void MayAskWords();
  bool NearEnd() const;
  bool AtBoundary() const;
  Duration run() const { return run_counts_ ? run_end_ - run_begin_ : Duration::zero(); }
  Duration silence() const { return now_ - speech_end_; }

  TurnConfig config_;
  InterjectionRules rules_;
  std::vector<turn::Action> out_;
  State state_ = State::kQuiet;
  Time now_{};
  // The present run of voiced frames; empty when begin == end.
  Time run_begin_{}, run_end_{};
  bool voiced_ = false;
  bool run_counts_ = true;  // false: what is left of a voice whose turn was ended under it
  // The turn.
  Time turn_begin_{}, speech_end_{};
  bool prepared_ = false, speculated_ = false;
  int64_t question_ = 0;  // the last one asked
  bool asked_ = false;
  std::optional<double> probability_;
  // The answer.
  bool heard_ = false, ducked_ = false;
  Time duck_begin_{}, duck_voice_end_{};
  Duration duck_voice_{};       // voice since duck_begin_
  Time long_enough_{};          // when there was barge_in_ms of it
  Time asked_words_{};          // when its words were asked for last
  Duration asked_voice_{};      // and how much voice there was then
  bool words_missing_ = false;  // and have not come
  Interjection said_;
  Time answer_begin_{};
  std::optional<Time> answer_end_;
  // Quiet.
  Time quiet_since_{};
  bool gave_up_ = false;
};

}  // namespace parley::realtime

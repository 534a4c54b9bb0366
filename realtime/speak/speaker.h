// From an answer's text to the sound that is sent: cuts clauses, has them spoken one at a time, and
// sends the sound a little ahead of its playing, never more. Before the turn has ended the first
// clause may already be spoken, but nothing is sent (Release).
// Thread:   plain value; one owner. Actions are valid until the next call.
// Memory:   the sound that is made and not yet sent: speak_ahead_ms and one clause.
// Overload: clauses wait for their turn; their text is bounded by the answer's budget. Chunks of an
//           earlier answer are dropped and counted in stale().
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/clock.h"
#include "common/ids.h"
#include "common/spoken_text.h"
#include "realtime/session.h"
#include "realtime/speak/clause_chunker.h"
#include "realtime/speak/playback_clock.h"
#include "realtime/speak/playback_ledger.h"
#include "realtime/speak/speak_config.h"
#include "tts/synthesizer.h"

namespace parley::realtime {

namespace speak {
struct Synthesize {  // answer with OnChunk(clause, …), then OnClauseSpoken
  ClauseId clause;
  AnswerText text;
};
struct ClauseCut {};  // the first clause is there
struct Say {          // a clause of the answer is on its way to the listener
  std::string text;
  size_t begin = 0;  // in the answer
};
struct Words {  // of clauses that were said, and when they sound
  std::vector<WordTime> words;
};
struct Sent {};  // all of it; it may still play
struct Send {
  std::vector<float> samples;
  int64_t first_sample = 0;  // of this answer
  bool ran_dry = false;      // all that was sent before had been played
};
struct WakeAt {  // call OnTime then
  Time when;
};
struct Over {};  // all of it was played

using Action = std::variant<Synthesize, ClauseCut, Say, Words, Send, Sent, WakeAt, Over>;
}  // namespace speak

class Speaker {
 public:
  using Actions = const std::vector<speak::Action>&;

  Speaker(const SpeakConfig& config, int rate_hz);

  void SetSilent(bool silent) { wants_silence_ = silent; }  // the next answer is read, not heard
  void Begin();  // a new answer; what was left of another is gone
  void End();    // nothing more is said or sent, and the ledger is empty
  Actions OnText(const AnswerText& more, Time now);
  void OnToken(bool clean) { ledger_.AddToken(clean); }
  // No more text for a while: the clause that is begun is said.
  Actions OnPartEnd(Time now);
  // No more text. `complete`: false when it was cut by its budget; then what comes behind the last
  // whole sentence is not said, if there is one.
  Actions OnTextEnd(bool complete, Time now);
  Actions OnChunk(ClauseId clause, tts::SpeechChunk chunk, Time now);
  Actions OnClauseSpoken(ClauseId clause, Time now);  // or failed: what there is of it is kept
  Actions Release(Time now);                          // the turn has ended: send
  Actions OnTime(Time now);
  Actions OnPlayed(int64_t samples, Time now);  // the client's own count
  void Duck(bool lowered) { lowered_ = lowered && config_.lowered_by == LoweredBy::kSound; }
  float duck_gain() const;

  PlaybackLedger& ledger() { return ledger_; }
  // Brings the ledger's `played` up to date.
  void Settle(Time now);
  // Sound that is still to be played, once everything that was said is sound and more may come.
  std::optional<Duration> Runway(Time now) const;
  // Samples of this answer that have been played, as far as is known.
  int64_t played(Time now) const { return reported_.value_or(clock_.Played(now)); }
  // When the last sample will have been played; nothing: more may come.
  std::optional<Time> EndsAt(Time now) const;
  // What of the answer has reached the user.
  HeardCut Heard() const { return silent_ ? ledger_.All() : ledger_.Heard(); }
  bool active() const { return active_; }
  bool released() const { return released_; }
  int64_t stale() const { return stale_; }

 private:
  void TakeClauses(std::vector<Clause> clauses);
  void CutToSentence();
  void Tell(std::string text, size_t begin);
  Actions Advance(Time now);  // what every event ends with: speak on, send what is due, wake later
  void SpeakNext(Time now);
  void SendDue(Time now);
  void Lower(std::vector<float>& samples);
  bool AllSent() const;

  const SpeakConfig config_;
  const int rate_hz_;
  std::vector<speak::Action> out_;
  bool active_ = false, released_ = false, text_ended_ = false, over_ = false;
  std::optional<ClauseChunker> chunker_;
  PlaybackLedger ledger_;
  PlaybackClock clock_;
  std::optional<int64_t> reported_;  // by the client
  ClauseId next_clause_{1};
  std::deque<Clause> waiting_;  // cut, not yet spoken
  std::optional<ClauseId> speaking_;
  bool at_sentence_end_ = false;  // the last clause that was handed to the voice ends a sentence
  bool clause_cut_ = false;
  int64_t clause_first_sample_ = 0;  // of the clause that is spoken, in the answer
  size_t clause_char_begin_ = 0;
  std::vector<speak::Say> unsaid_;  // clauses that were spoken before Release
  std::vector<WordTime> untold_;    // their words
  bool wants_silence_ = false, silent_ = false;
  bool sent_told_ = false;
  std::vector<float> ready_;  // made, not sent; ready_[0] is sample clock_.sent()
  int64_t made_ = 0;
  bool lowered_ = false;
  float gain_ = 1;
  int64_t stale_ = 0;
};

}  // namespace parley::realtime

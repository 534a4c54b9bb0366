// From a possible end of the turn to the end of the answer, over one thought:
//
//   f  formulation  the prompt, then the thought; when the thought ends in time, the answer too
//   a  articulation the thought so far, its end, everything said so far; then more of the answer.
//                   It shares f's pages up to the thought's token; only the end and what was said
//                   (the very ids) are prefilled again.
//
// How much thought stands before the first word is the effort's and the deadline's to say
// (mind_config.h). When the deadline comes first, the answer is asked for in parts, each just before
// the playback runs dry, while f thinks on. When f's thought ends, its own answer, which nobody
// hears, shows what the whole thought would have said: if what was said agrees, the answer goes on;
// if not, exactly one correction follows.
//
// Thread:   plain value; one owner. Everything it decides is put at the end of `out`.
// Memory:   the ids of one thought and one answer, and f's own answer.
// Overload: every stream has a budget; two branches. A thought that loses its pages while the answer
//           is spoken is let go; an answer that does is the turn's failure.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "realtime/mind/make_mind.h"
#include "realtime/mind/stream_reader.h"
#include "realtime/mind/thought_form.h"
#include "realtime/mind/thought_teller.h"
#include "realtime/mind/token_pace.h"

namespace parley::realtime {

struct Budgets {
  int32_t thought = 0;
  int32_t answer = 0;
};

// Where names come from: none is given twice in a talk.
struct Names {
  BranchId branch = kTrunk;
  int64_t call = 0;
};

class Answering {
 public:
  using Out = std::vector<mind::Action>&;

  Answering(const MindConfig& config, const ThoughtForm& form, Budgets budgets, Names& names)
      : config_(config), form_(form), budgets_(budgets), names_(names) {}

  // ---- the turn
  // The whole prompt, if this was the end. `so_far`: the thought that it ends with. `think`: false
  // when it already ends with the end of one.
  struct Prompt {
    TrunkEdit edit;
    bool think = true;
    std::string so_far;
    int32_t tokens_so_far = 0;
    int32_t noted = 0;  // tokens of notes that stand in it
    // The same question without a thought, for a model that thinks and then has nothing to say.
    std::optional<TrunkEdit> without{};
    // A tool that was called before and has not answered; `inside`: the call is not closed yet.
    int64_t call = 0;
    bool inside = false;
    std::vector<TokenId> call_tail{};
  };
  void Prepare(Prompt prompt, Time speech_end, Out out);
  void Start(Time now, Out out);   // the silence is long enough for a guess
  void Commit(Time now, Out out);  // the turn has ended
  void Drop(Out out);              // the user goes on
  void Forget(Out out);            // the exchange is over, its branches are gone
  bool prepared() const { return stage_ != Stage::kNone; }

  // ---- the branches
  bool Owns(BranchId branch) const { return branch == f_ || branch == a_; }
  void OnToken(BranchId branch, TokenId id, engine::Position position, Time now, Out out);
  void OnEnded(BranchId branch, const engine::Ended& ended, Time now, Out out);
  void OnFailed(BranchId branch, Error error, Time now, Out out);

  // ---- the answer
  void OnFirstSound(Out out);
  void OnPlayback(Duration left, Time now, Out out);
  void OnTime(Time now, Out out);
  bool Waits(int64_t call) const { return call != 0 && call == call_; }
  void OnToolResult(const ToolResult& result, Time now, Out out);

  // What f has thought, for a mind that carries it to the next fork; results of tools are in it.
  std::span<const TokenId> thought_ids() const { return std::span(thought_ids_).first(clean_ids_); }
  const std::string& thought() const { return thought_; }
  int32_t thought_tokens() const { return thought_tokens_; }

 private:
  enum class Stage : uint8_t {
    kNone,
    kPrepared,
    kThought,  // nothing is said yet
    kTool,     // f waits for a tool
    kCut,      // f's thought is being ended
    kAnswer,   // f answers
    kParts,    // a answers, f thinks
    kDone
  };
  enum class Part : uint8_t { kNone, kRunning, kStopping, kPaused, kComplete };
  // Of f, once a answers.
  enum class Beside : uint8_t { kThinking, kTool, kEnding, kAnswering, kReady, kGone };

  // f, while nothing is said (answering.cc)
  void Fork(Out out);
  void ForkFrom(const TrunkEdit& edit, Out out);
  void GenerateOnF(int32_t tokens, Out out);
  void AppendToF(const std::vector<TokenId>& ids, Out out);
  void ReadThought(StreamReader::Read& read, TokenId id, engine::Position position, Out out);
  bool MayCover() const;
  Time CoverAt() const;
  void Weigh(Time now, Out out);  // is it time to speak, or to cover?
  void Arm(Time now, Out out);    // wakes us when it will be
  void EndThought(mind::Decided::What why, Out out);
  void AnswerOnF(Out out);
  void OnTokenOfF(TokenId id, engine::Position position, Time now, Out out);
  void OnEndOfF(const engine::Ended& ended, Time now, Out out);

  // calls of tools (answering_calls.cc)
  bool OnEndOfCall(const engine::Ended& ended, Time now, Out out);
  void CallNow(Time now, Out out);

  // f and a side by side (answering_parts.cc)
  void BeginParts(Time now, Out out);
  void AskPart(Out out);
  void OnTokenOfA(TokenId id, engine::Position position, Out out);
  void OnEndOfA(const engine::Ended& ended, Time now, Out out);
  void BesideToken(StreamReader::Read read, engine::Position position, Out out);
  void BesideEnded(const engine::Ended& ended, Time now, Out out);
  void Check(Out out);
  void GoOn(Time now, Out out);  // after a part, a check, a piece of playback
  void Compare(Out out);

  // both
  // `end`: of the branch, behind the last of them.
  void Speak(BranchId branch, engine::Position end, std::vector<SpokenToken> tokens, Out out);
  void BeginsAt(BranchId branch, engine::Position size, Out out);
  void Utter(std::vector<SpokenToken> tokens, Out out);
  void SayPhrase(Phrase phrase, Out out);
  void Finish(bool complete, Out out);
  void Lose(Error error, Out out);
  void Release(BranchId& branch, Out out);
  void Clear();
  Time SpeakAt() const;  // where thought must end for the first sound to be in time
  engine::GenerateOptions Options(int32_t tokens, engine::Urgency urgency) const;
  engine::Urgency Urgency() const;
  int32_t AnswerLeft() const;
  int32_t ThoughtLeft() const;
  std::string WholeThought() const { return prompt_->so_far + thought_; }

  const MindConfig& config_;
  const ThoughtForm& form_;
  const Budgets budgets_;
  Names& names_;

  Stage stage_ = Stage::kNone;
  std::optional<Prompt> prompt_;  // of the last possible end; what failed is tried again
  bool committed_ = false;
  bool sounds_ = false;
  Time speech_end_{};
  TokenPace pace_;

  // f
  BranchId f_ = kTrunk;
  std::optional<StreamReader> f_reader_;
  std::vector<TokenId> thought_ids_;
  size_t clean_ids_ = 0;  // of them, that are surely thought
  std::string thought_;
  int32_t thought_tokens_ = 0;
  engine::Position f_size_ = 0;
  engine::Position thought_end_ = 0;  // of f, behind the last id that is surely thought
  bool ended_itself_ = false;         // the thought; its end stands in f
  ThoughtTeller teller_;
  std::optional<Result<ToolCall>> held_call_;  // until the turn has ended: a guess calls nothing
  std::vector<TokenId> call_tail_;             // of its body, that the engine did not keep
  int64_t call_ = 0;
  int32_t calls_ = 0;
  bool call_inside_ = true;
  bool tell_failure_ = false;

  // a
  BranchId a_ = kTrunk;
  engine::Position a_size_ = 0;
  std::optional<StreamReader> a_reader_;
  Part part_ = Part::kNone;
  Beside beside_ = Beside::kThinking;
  bool whole_ = false;  // the part is asked with the whole thought: it is the last one
  int32_t part_tokens_ = 0;
  std::optional<Time> dry_at_;      // when what was said has been played
  std::vector<SpokenToken> check_;  // f's own answer
  engine::Position check_end_ = 0;  // of f, behind it
  bool check_complete_ = false;

  // what was said
  std::string said_;  // by the model; phrases do not count
  std::vector<TokenId> said_ids_;
  int32_t answer_tokens_ = 0;  // that were decoded for it; not all of them say something
  size_t phrase_ids_ = 0;      // of them, at the beginning, that are no model's
  bool covered_ = false;
};

}  // namespace parley::realtime

// When the model thinks and answers: a pure controller over the trunk and its branches. Events in,
// actions out; who executes them (conversation.cc, branches.h) knows the engine. Time is an
// argument: a mind never reads a clock, it asks to be woken.
//
// A branch is a fork of the trunk or of another branch; at most kMostBranches live at a time. Each
// has at most one stream, and every stream that was begun ends with exactly one OnEnded, behind its
// last token, unless its branch is dropped, or the trunk rewritten, first. PlainMind answers without thought;
// the others think in notes between what they hear (interleaved) or over drafts (drafted).
//
//   the user's turn   OnStableWords* OnPause OnPossibleEnd MaySpeculate { Abandon … }* OnTurnEnded
//   the answer        OnToken* OnEnded OnPlayback* … Closed
//
// Thread:   plain value; one owner.
// Memory:   what each mind says; actions are valid until the next call.
// Overload: every thought and answer has a budget of tokens.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/clock.h"
#include "common/ids.h"
#include "common/result.h"
#include "common/spoken_text.h"
#include "engine/engine.h"
#include "realtime/session.h"
#include "realtime/tools/tool_call.h"

namespace parley::realtime {

using BranchId = Id<struct BranchTag>;
inline constexpr BranchId kTrunk{0};
inline constexpr size_t kMostBranches = 6;

namespace mind {

// ---- branches. What a mind says about a branch that is gone is a checked bug.
struct Fork {  // a new branch: the parent's first `keep` positions, then `append`
  BranchId branch;
  BranchId parent = kTrunk;
  engine::Position keep = 0;
  std::vector<TokenId> append;
  engine::Urgency urgency = engine::Urgency::kSpeculation;
};
struct Append {  // only where nothing is being decoded
  BranchId branch;
  std::vector<TokenId> ids;
  engine::Urgency urgency = engine::Urgency::kThinkingListening;
};
struct Generate {  // answer with OnToken and OnEnded
  BranchId branch;
  engine::GenerateOptions options;
};
struct Stop {  // OnEnded follows, behind the tokens that were already on their way
  BranchId branch;
};
struct Hurry {  // from now on the stream is as urgent as this
  BranchId branch;
  engine::Urgency urgency = engine::Urgency::kFirstWords;
};
struct Drop {  // the branch goes, and its stream with it
  BranchId branch;
};
struct Adopt {  // the branch becomes the trunk; its stream goes on as the trunk's
  BranchId branch;
};
struct Hear {  // the trunk holds the user's words so far, as one tokenisation, and nothing else
  std::string text;
};
struct RollBack {  // the trunk forgets what is behind its first `keep` positions
  engine::Position keep = 0;
  int64_t thought = 0;  // of what goes, tokens that the model has written and writes anew
};

// ---- the answer
struct NewAnswer {};   // may still be thrown away
struct AnswerBegins {  // behind the first `size` ids of this branch; the last one holds
  BranchId branch;
  engine::Position size = 0;
  int64_t thought = 0;  // of them, that the model has written
};
struct VoidAnswer {  // it was; so many tokens were decoded for nothing
  int64_t wasted_tokens = 0;
};
struct Say {  // more of the answer
  AnswerText text;
};
struct TokenTaken {  // after what it added to the answer; spoken text is remembered by these ids
  TokenId id = 0;
  bool clean = true;  // the answer's text so far ends where this token ends
};
struct PartEnded {};  // nothing more for a while: what waits for the rest of its clause is said
struct AnswerEnded {
  bool complete = true;  // false: cut by its budget
};

// ---- everything else
struct Think {  // for whoever asked to see it
  ThoughtText text;
  ThoughtWhile when = ThoughtWhile::kGap;
  int64_t tokens = 0;  // since the last one
};
struct Wasted {  // thought that nobody will use: tokens of a branch that was dropped
  int64_t tokens = 0;
};
struct WakeAt {  // call OnTime then; the last one holds
  Time when;
};
struct CallTool {  // answer with OnToolResult(call, …)
  int64_t call = 0;
  Result<ToolCall> what;  // an error: a call that cannot be read has a result too
};
struct Decided {  // for the trace
  enum class What : uint8_t {
    kNoThought,        // none was wanted
    kThoughtEnded,     // by the model
    kThoughtBudget,    // by its budget
    kThoughtDeadline,  // the answer begins, and the thought goes on beside it
    kCovered,
    kCorrected
  };
  What what;
};
struct Failed {  // the turn cannot be answered
  Error error;
};
using Action = std::variant<Fork, Append, Generate, Stop, Hurry, Drop, Adopt, Hear, RollBack,
                            NewAnswer, AnswerBegins, VoidAnswer, Say, TokenTaken, PartEnded,
                            AnswerEnded, Think, Wasted, WakeAt, CallTool, Decided, Failed>;

}  // namespace mind

// The user's words so far, and how they sounded since the last time.
struct HeardWords {
  std::string_view text;                 // of the whole turn
  std::span<const std::string> marks{};  // acoustic, only departures from the ordinary
  bool typed = false;
  bool whole_turn = false;  // the marks are those of the whole turn, not of its newest words
};

struct ToolResult {
  std::string text;  // what the model reads, also of a failure
  bool failed = false;
};

// How an exchange ends: its answer was given, was interrupted, or nothing was said in it.
enum class ExchangeEnd : uint8_t { kOver, kInterrupted, kForgotten };

class Mind {
 public:
  using Actions = const std::vector<mind::Action>&;
  virtual ~Mind() = default;

  // ---- the user's turn
  virtual Actions OnStableWords(const HeardWords& words, Time now) = 0;
  virtual Actions OnPause(Time now) = 0;  // a silence; the words until here are being transcribed
  virtual Actions OnPossibleEnd(const HeardWords& words, Time speech_end, Time now) = 0;
  virtual Actions MaySpeculate(Time now) = 0;
  virtual Actions OnTurnEnded(Time now) = 0;  // behind its OnPossibleEnd
  virtual Actions Abandon(Time now) = 0;      // the user goes on: no answer is wanted yet
  // The exchange is over and its branches are gone. Only Think and Wasted may come of it. What was
  // thought in an exchange that was interrupted may be kept for the next one, shortened.
  virtual Actions Closed(ExchangeEnd end) = 0;

  // ---- the branches
  virtual Actions OnToken(BranchId branch, TokenId id, engine::Position position, Time now) = 0;
  virtual Actions OnEnded(BranchId branch, const engine::Ended& ended, Time now) = 0;
  virtual Actions OnFailed(BranchId branch, Error error, Time now) = 0;  // an Append or a Fork

  // ---- the answer
  virtual Actions OnFirstSound(Time now) = 0;  // is on its way to the user
  // Everything that was said is sound; so much of it is not played yet. Told when that becomes
  // true, and again when the mind has asked to be woken.
  virtual Actions OnPlayback(Duration left, Time now) = 0;
  virtual Actions OnTime(Time now) = 0;
  virtual Actions OnToolResult(int64_t call, const ToolResult& result, Time now) = 0;

  // How the user's words stand in the history once the exchange is closed.
  virtual std::string Remembered(std::string_view words) const { return std::string(words); }
};

}  // namespace parley::realtime

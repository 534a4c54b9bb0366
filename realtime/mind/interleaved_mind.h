// A model that was trained to take notes between the blocks of what it hears: the trunk is one
// stream of words and notes, taken back only where words are corrected (note_taker.h); at a possible
// end of the turn a fork of it gets the last words, a short final thought and the answer
// (answering.h). When the exchange is over the trunk keeps its words and its answer; the notes leave.
// Where the model hears sound itself, frames stand on the trunk while the user speaks, without notes: what
// was heard is written anew at the end, and all thought follows it.
// Thread:   plain value; one owner.
// Memory:   as its two parts.
// Overload: as its two parts.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "realtime/mind/note_taker.h"

namespace parley::realtime {

class InterleavedMind final : public Mind {
 public:
  InterleavedMind(const MindConfig& config, MindParts parts);

  Actions OnStableWords(const HeardWords& words, Time now) override;
  Actions OnPause(Time now) override;
  Actions OnPossibleEnd(const HeardWords& words, Time speech_end, Time now) override;
  Actions MaySpeculate(Time now) override;
  Actions OnTurnEnded(Time now) override;
  Actions Abandon(Time now) override;
  Actions Closed(ExchangeEnd end) override;
  Actions OnToken(BranchId branch, TokenId id, engine::Position position, Time now) override;
  Actions OnEnded(BranchId branch, const engine::Ended& ended, Time now) override;
  Actions OnFailed(BranchId branch, Error error, Time now) override;
  Actions OnFirstSound(Time now) override;
  Actions OnPlayback(Duration left, Time now) override;
  Actions OnTime(Time now) override;
  Actions OnToolResult(int64_t call, const ToolResult& result, Time now) override;
  std::string Remembered(std::string_view words) const override;

 private:
  // The last possible end, which waits for the note that is being written.
  struct PossibleEnd {
    PossibleEnd(const HeardWords& heard, Time end)
        : text(heard.text),
          marks(heard.marks.begin(), heard.marks.end()),
          words(heard),
          speech_end(end) {
      words.text = text;
      words.marks = marks;
    }
    PossibleEnd(const PossibleEnd&) = delete;
    PossibleEnd& operator=(const PossibleEnd&) = delete;

    const std::string text;
    const std::vector<std::string> marks;
    HeardWords words;  // over these two
    const Time speech_end;
  };
  void Proceed(Time now);  // as far as the note allows
  Answering::Prompt Frames() const;

  const MindConfig config_;
  const MindParts parts_;
  const NoteFormat format_;
  const ThoughtForm form_;
  Names names_;
  NoteTaker notes_;
  Answering answering_;
  std::vector<mind::Action> out_;
  std::optional<PossibleEnd> end_;
  bool may_decode_ = false;  // the silence is long enough
  bool ended_ = false;       // the turn
};

}  // namespace parley::realtime

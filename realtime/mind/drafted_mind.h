// A model that expects the whole question before it thinks (Step-Audio-R1, and whatever was told to
// think between tags): the trunk holds the user's words only. While the user speaks a draft is
// forked at checkpoints, gets the end of the turn, the opening of a thought and what was thought so
// far, and thinks until the next checkpoint; its thought is carried to the next fork. At a possible
// end of the turn the thought goes on over the exact words (answering.h). So the prompt is always
// one that the model was trained on.
// Thread:   plain value; one owner.
// Memory:   one turn's thought.
// Overload: one draft at a time, at most mind.thought_tokens of thought in a turn.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "realtime/mind/answering.h"

namespace parley::realtime {

class DraftedMind final : public Mind {
 public:
  DraftedMind(const MindConfig& config, MindParts parts);

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

 private:
  void Checkpoint(const std::string& heard, Time now);
  void Think();
  void Lay();  // the draft down: what it thought is carried
  void Carry(std::span<const TokenId> ids, const std::string& text);
  bool Call(const engine::Ended& ended);
  bool NeedsThought(std::string_view words) const;
  int32_t ThoughtLeft() const;
  void Forget();
  std::vector<TokenId> SoFar() const;  // what stands at the beginning of the turn's thought

  const MindConfig config_;
  const MindParts parts_;
  const ThoughtForm form_;
  Names names_;
  Answering answering_;
  std::vector<mind::Action> out_;
  ThoughtTeller teller_;

  BranchId draft_ = kTrunk;
  std::optional<StreamReader> reader_;
  std::vector<TokenId> drafted_ids_;  // by this draft
  std::string drafted_;
  size_t clean_ids_ = 0;  // of them, that are surely thought
  size_t clean_text_ = 0;
  std::optional<Time> last_checkpoint_;
  // What this turn's drafts have thought.
  std::vector<TokenId> carried_ids_;
  std::string carried_;
  std::vector<TokenId> kept_;  // of the thought of a turn that was interrupted
  // A tool that the draft waits for.
  int64_t call_ = 0;
  std::vector<TokenId> call_tail_;

  bool may_decode_ = false;  // the silence is long enough
  bool ended_ = false;       // the turn
};

}  // namespace parley::realtime

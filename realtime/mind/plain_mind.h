// The mind that does not think (ThinkingStyle::kNone): at a possible end of the turn it forks the
// trunk and prefills the whole prompt; a little later it begins to decode an answer; when the turn
// has ended the branch becomes the trunk, when the user goes on it is dropped and its tokens are
// counted as wasted.
// Thread:   plain value; one owner.
// Memory:   one parser and one possible end.
// Overload: one branch at a time, one answer's budget of tokens.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "realtime/mind/make_mind.h"
#include "realtime/mind/parser.h"

namespace parley::realtime {

class PlainMind final : public Mind {
 public:
  PlainMind(const MindConfig& config, MindParts parts)
      : config_(config), parts_(std::move(parts)) {}

  // The trunk ends in the middle of an answer: `tokens` more of it at most.
  Actions GoOn(int32_t tokens);

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
  void Fork();
  void DropBranch();
  void Generate();
  engine::GenerateOptions Options(int32_t tokens) const;
  void Adopt();
  void Forget();
  void Give(std::vector<AnswerParser::Piece> pieces);
  void Call();

  const MindConfig config_;
  const MindParts parts_;
  std::vector<mind::Action> out_;
  BranchId branch_ = kTrunk;  // the last one
  bool forked_ = false;       // it lives, and is not the trunk yet
  bool adopted_ = false;      // it has become the trunk
  bool may_decode_ = false;   // the silence is long enough, or the turn has ended
  bool ended_ = false;        // the turn
  bool generating_ = false;   // or has generated
  std::optional<std::string>
      text_;  // of the last possible end; a branch that failed is tried again
  std::optional<AnswerParser> parser_;
  int64_t tokens_ = 0;
  std::vector<Result<ToolCall>> calls_;  // until the turn has ended: a guess calls nothing
  int64_t call_ = 0;
};

}  // namespace parley::realtime

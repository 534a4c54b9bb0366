// The mind that does not think: it answers. See mind.h.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "realtime/mind/mind.h"

namespace parley::realtime {

class PlainMind final : public Mind {
 public:
  PlainMind(const MindConfig& config, std::shared_ptr<const model::Tokenizer> tokenizer,
            std::vector<TokenId> stop_ids);

  Actions OnStableWords(std::string_view text) override;
  Actions OnPossibleEnd(BranchPrompt prompt) override;
  Actions MaySpeculate() override;
  Actions OnTurnEnded() override;
  Actions Abandon() override;
  Actions OnToken(TokenId id) override;
  Actions OnEnded(const engine::Ended& ended) override;
  Actions OnFailed(Error error) override;

 private:
  void Fork();
  void DropBranch();
  void Generate();
  void Give(std::vector<AnswerParser::Piece> pieces);

  const MindConfig config_;
  const std::shared_ptr<const model::Tokenizer> tokenizer_;
  const std::vector<TokenId> stop_ids_;
  std::vector<mind::Action> out_;
  bool branch_ = false;      // forked, and not yet adopted or dropped
  bool may_decode_ = false;  // the silence is long enough, or the turn has ended
  bool ended_ = false;       // the turn
  bool generating_ = false;  // or has generated
  std::optional<BranchPrompt>
      prompt_;  // of the last possible end; a branch that failed is tried again
  std::optional<AnswerParser> parser_;
  int64_t tokens_ = 0;
};

}  // namespace parley::realtime

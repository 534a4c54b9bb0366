// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/plain_mind.h"

#include <string>
#include <utility>

namespace parley::realtime {

PlainMind::PlainMind(const MindConfig& config, std::shared_ptr<const model::Tokenizer> tokenizer,
                     std::vector<TokenId> stop_ids)
    : config_(config), tokenizer_(std::move(tokenizer)), stop_ids_(std::move(stop_ids)) {}

Mind::Actions PlainMind::OnStableWords(std::string_view) {
  out_.clear();
  return out_;  // a mind that thinks while it listens begins here
}

Mind::Actions PlainMind::OnPossibleEnd(BranchPrompt prompt) {
  out_.clear();
  DropBranch();
  prompt_ = std::move(prompt);
  Fork();
  if (may_decode_) Generate();
  if (ended_) {
    branch_ = false;
    out_.emplace_back(mind::Adopt{});
  }
  return out_;
}

void PlainMind::Fork() {
  branch_ = true;
  out_.emplace_back(
      mind::Fork{*prompt_, ended_ ? engine::Urgency::kFirstWords : engine::Urgency::kSpeculation});
}

Mind::Actions PlainMind::MaySpeculate() {
  out_.clear();
  if (!config_.speculate) return out_;
  may_decode_ = true;
  if (branch_ && !generating_) Generate();
  return out_;
}

Mind::Actions PlainMind::OnTurnEnded() {
  out_.clear();
  ended_ = may_decode_ = true;
  if (!prompt_) return out_;  // the turn is still being transcribed
  if (!branch_) Fork();
  if (!generating_) {
    Generate();
  } else {
    out_.emplace_back(mind::Hurry{});
  }
  branch_ = false;
  out_.emplace_back(mind::Adopt{});
  return out_;
}

Mind::Actions PlainMind::Abandon() {
  out_.clear();
  DropBranch();
  ended_ = may_decode_ = generating_ = false;
  prompt_.reset();
  parser_.reset();
  return out_;
}

void PlainMind::DropBranch() {
  if (branch_) out_.emplace_back(mind::Drop{tokens_});
  branch_ = generating_ = false;
  tokens_ = 0;
}

void PlainMind::Generate() {
  generating_ = true;
  tokens_ = 0;
  parser_.emplace(tokenizer_, ParserOptions{});
  engine::GenerateOptions options;
  options.max_tokens = config_.answer_tokens;
  options.stop_ids = stop_ids_;
  options.sampler.temperature = config_.temperature;
  options.sampler.top_p = config_.top_p;
  options.sampler.top_k = config_.top_k;
  options.sampler.repetition_penalty = config_.repetition_penalty;
  options.sampler.seed = static_cast<uint64_t>(config_.seed);
  options.urgency = ended_ ? engine::Urgency::kFirstWords : engine::Urgency::kSpeculation;
  out_.emplace_back(mind::Generate{std::move(options)});
}

Mind::Actions PlainMind::OnToken(TokenId id) {
  out_.clear();
  if (!parser_) return out_;
  ++tokens_;
  Give(parser_->Push(id));
  out_.emplace_back(mind::TokenTaken{id, parser_->clean()});
  return out_;
}

Mind::Actions PlainMind::OnEnded(const engine::Ended& ended) {
  out_.clear();
  if (!parser_) return out_;
  if (ended.reason == engine::EndReason::kFailed) return OnFailed(ended.error);
  Give(parser_->Flush());
  parser_.reset();
  out_.emplace_back(mind::AnswerEnded{ended.reason == engine::EndReason::kStopToken ||
                                      ended.reason == engine::EndReason::kStopText});
  return out_;
}

Mind::Actions PlainMind::OnFailed(Error error) {
  out_.clear();
  parser_.reset();
  generating_ = false;
  // What was only prepared can be prepared again when the turn has ended; an answer cannot.
  if (!ended_) {
    DropBranch();
  } else {
    out_.emplace_back(mind::Failed{std::move(error)});
  }
  return out_;
}

void PlainMind::Give(std::vector<AnswerParser::Piece> pieces) {
  for (AnswerParser::Piece& piece : pieces) {
    if (auto* answer = std::get_if<AnswerText>(&piece)) {
      out_.emplace_back(mind::Answer{std::move(*answer)});
    } else {
      out_.emplace_back(mind::Think{std::move(std::get<ThoughtText>(piece))});
    }
  }
}

Result<std::unique_ptr<Mind>> MakeMind(const MindConfig& config,
                                       std::shared_ptr<const model::Tokenizer> tokenizer,
                                       std::vector<TokenId> stop_ids) {
  if (config.style != ThinkingStyle::kNone) {
    return Fail(
        Code::kUnsupported,
        "mind.style: only `none` is built so far; a model that thinks cannot be driven yet");
  }
  return std::unique_ptr<Mind>(
      std::make_unique<PlainMind>(config, std::move(tokenizer), std::move(stop_ids)));
}

}  // namespace parley::realtime

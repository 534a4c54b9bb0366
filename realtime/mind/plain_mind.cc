// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/plain_mind.h"

#include <utility>

namespace parley::realtime {

Mind::Actions PlainMind::OnStableWords(const HeardWords& words, Time) {
  out_.clear();
  out_.emplace_back(mind::Hear{std::string(words.text)});
  return out_;
}

Mind::Actions PlainMind::OnPause(Time) {
  out_.clear();
  return out_;
}

Mind::Actions PlainMind::OnPossibleEnd(const HeardWords& words, Time, Time) {
  out_.clear();
  DropBranch();
  text_ = words.text;
  Fork();
  if (may_decode_) Generate();
  if (ended_) Adopt();
  return out_;
}

void PlainMind::Fork() {
  branch_ = branch_.Next();
  forked_ = true;
  out_.emplace_back(mind::NewAnswer{});
  const TrunkEdit prompt = parts_.trunk->Ask(*text_);
  out_.emplace_back(
      mind::Fork{branch_, kTrunk, prompt.keep, prompt.append,
                 ended_ ? engine::Urgency::kFirstWords : engine::Urgency::kSpeculation});
}

Mind::Actions PlainMind::MaySpeculate(Time) {
  out_.clear();
  if (!config_.speculate) return out_;
  may_decode_ = true;
  if (forked_ && !generating_) Generate();
  return out_;
}

Mind::Actions PlainMind::OnTurnEnded(Time) {
  out_.clear();
  ended_ = may_decode_ = true;
  if (!forked_) Fork();
  if (!generating_) {
    Generate();
  } else {
    out_.emplace_back(mind::Hurry{branch_});
  }
  Adopt();
  Call();
  return out_;
}

void PlainMind::Adopt() {
  out_.emplace_back(mind::Adopt{branch_});
  forked_ = false;
  adopted_ = true;
}

Mind::Actions PlainMind::Abandon(Time) {
  out_.clear();
  DropBranch();
  if (adopted_) {
    out_.emplace_back(mind::VoidAnswer{tokens_});
    out_.emplace_back(mind::Hear{*text_});
  }
  Forget();
  return out_;
}

Mind::Actions PlainMind::Closed(ExchangeEnd) {
  out_.clear();
  Forget();
  return out_;
}

void PlainMind::Forget() {
  forked_ = adopted_ = ended_ = may_decode_ = generating_ = false;
  text_.reset();
  parser_.reset();
  calls_.clear();
  tokens_ = 0;
}

Mind::Actions PlainMind::GoOn(int32_t tokens) {
  out_.clear();
  ended_ = adopted_ = generating_ = true;
  branch_ = kTrunk;
  parser_.emplace(parts_.tokenizer, ParserOptions{.goes_on = true});
  out_.emplace_back(mind::Generate{kTrunk, Options(tokens)});
  return out_;
}

void PlainMind::DropBranch() {
  if (!forked_) return;
  calls_.clear();
  out_.emplace_back(mind::Drop{branch_});
  out_.emplace_back(mind::VoidAnswer{tokens_});
  forked_ = generating_ = false;
  tokens_ = 0;
}

void PlainMind::Generate() {
  generating_ = true;
  tokens_ = 0;
  parser_.emplace(parts_.tokenizer, ParserOptions{});
  out_.emplace_back(mind::Generate{branch_, Options(config_.answer_tokens)});
}

engine::GenerateOptions PlainMind::Options(int32_t tokens) const {
  engine::GenerateOptions options = SampledAs(config_);
  options.max_tokens = tokens;
  options.stop_ids = parts_.prompt.stop;
  options.urgency = ended_ ? engine::Urgency::kFirstWords : engine::Urgency::kSpeculation;
  return options;
}

Mind::Actions PlainMind::OnToken(BranchId, TokenId id, engine::Position, Time) {
  out_.clear();
  if (!parser_) return out_;
  ++tokens_;
  Give(parser_->Push(id));
  out_.emplace_back(mind::TokenTaken{id, parser_->clean()});
  return out_;
}

Mind::Actions PlainMind::OnEnded(BranchId branch, const engine::Ended& ended, Time now) {
  out_.clear();
  if (!parser_) return out_;
  if (ended.reason == engine::EndReason::kFailed) return OnFailed(branch, ended.error, now);
  Give(parser_->Flush());
  parser_.reset();
  out_.emplace_back(mind::AnswerEnded{ended.reason == engine::EndReason::kStopToken ||
                                      ended.reason == engine::EndReason::kStopText});
  return out_;
}

Mind::Actions PlainMind::OnFailed(BranchId branch, Error error, Time) {
  out_.clear();
  if (branch == kTrunk && !adopted_) return out_;  // it has been made anew
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

Mind::Actions PlainMind::OnFirstSound(Time) {
  out_.clear();
  if (adopted_) out_.emplace_back(mind::Hurry{kTrunk, engine::Urgency::kSpeaking});
  return out_;
}

Mind::Actions PlainMind::OnPlayback(Duration, Time) {
  out_.clear();
  return out_;
}

Mind::Actions PlainMind::OnTime(Time) {
  out_.clear();
  return out_;
}

Mind::Actions PlainMind::OnToolResult(int64_t, const ToolResult&, Time) {
  out_.clear();
  return out_;  // its answer is over: what a client finds out comes with another turn
}

void PlainMind::Give(std::vector<AnswerParser::Piece> pieces) {
  for (AnswerParser::Piece& piece : pieces) {
    if (auto* answer = std::get_if<AnswerText>(&piece)) {
      out_.emplace_back(mind::Say{std::move(*answer)});
    } else if (auto* thought = std::get_if<ThoughtText>(&piece)) {
      out_.emplace_back(mind::Think{std::move(*thought), ThoughtWhile::kGap, 0});
    } else {
      calls_.push_back(std::move(std::get<Result<ToolCall>>(piece)));
    }
  }
  if (ended_) Call();
}

void PlainMind::Call() {
  for (Result<ToolCall>& call : std::exchange(calls_, {})) {
    out_.emplace_back(mind::CallTool{++call_, std::move(call)});
  }
}

}  // namespace parley::realtime

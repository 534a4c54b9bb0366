// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/drafted_mind.h"

#include <algorithm>
#include <utility>

#include "realtime/listen/words.h"
#include "realtime/mind/kept_thought.h"

namespace parley::realtime {
namespace {

// Before what is kept of the thought of a turn that was interrupted.
constexpr std::string_view kEarlier = "Earlier: ";

}  // namespace

DraftedMind::DraftedMind(const MindConfig& config, MindParts parts)
    : config_(config),
      parts_(std::move(parts)),
      form_(parts_.tokenizer, parts_.prompt.stop, std::nullopt),
      answering_(config_, form_, {config_.thought_tokens, config_.answer_tokens}, names_) {}

// ---- while the user speaks -----------------------------------------------------------------------

Mind::Actions DraftedMind::OnStableWords(const HeardWords& words, Time now) {
  out_.clear();
  const std::string heard(words.text);
  out_.emplace_back(mind::Hear{heard});
  const bool due =
      !last_checkpoint_ || now - *last_checkpoint_ >= milliseconds(config_.think_every_ms);
  if (due && call_ == 0 && !answering_.prepared()) Checkpoint(heard, now);
  return out_;
}

void DraftedMind::Checkpoint(const std::string& heard, Time now) {
  Lay();
  last_checkpoint_ = now;
  if (ThoughtLeft() <= 0 || !NeedsThought(heard)) return;
  TrunkEdit prompt = parts_.trunk->AskHeard(heard, parts_.prompt.think_open);
  const std::vector<TokenId> so_far = SoFar();
  prompt.append.insert(prompt.append.end(), so_far.begin(), so_far.end());
  draft_ = names_.branch = names_.branch.Next();
  reader_.emplace(parts_.tokenizer, form_.Parser(true, false));
  out_.emplace_back(mind::Fork{draft_, kTrunk, prompt.keep, std::move(prompt.append),
                               engine::Urgency::kThinkingListening});
  Think();
}

// Until it is laid down, or has no more to think.
void DraftedMind::Think() {
  engine::GenerateOptions options = SampledAs(config_);
  options.max_tokens = std::max(ThoughtLeft(), 1);
  options.stop_ids = form_.stop_ids();
  options.stop_texts = form_.stop_texts();
  options.stop_texts.emplace_back("</think>");
  options.urgency = engine::Urgency::kThinkingListening;
  out_.emplace_back(mind::Generate{draft_, std::move(options)});
}

void DraftedMind::Lay() {
  teller_.End(out_);
  if (draft_ != kTrunk) out_.emplace_back(mind::Drop{std::exchange(draft_, kTrunk)});
  Carry(std::span(drafted_ids_).first(clean_ids_), drafted_.substr(0, clean_text_));
  drafted_ids_.clear();
  drafted_.clear();
  clean_ids_ = clean_text_ = 0;
  reader_.reset();
}

void DraftedMind::Carry(std::span<const TokenId> ids, const std::string& text) {
  carried_ids_.insert(carried_ids_.end(), ids.begin(), ids.end());
  carried_ += text;
}

int32_t DraftedMind::ThoughtLeft() const {
  return config_.thought_tokens - static_cast<int32_t>(carried_ids_.size() + drafted_ids_.size());
}

// A greeting, a short fact: words without a number, and few of them.
bool DraftedMind::NeedsThought(std::string_view words) const {
  if (!carried_ids_.empty()) return true;
  const bool number =
      std::any_of(words.begin(), words.end(), [](char c) { return c >= '0' && c <= '9'; });
  return number || SplitWords(words).size() >= static_cast<size_t>(config_.think_from_words);
}

Mind::Actions DraftedMind::OnPause(Time) {
  out_.clear();
  return out_;  // the draft thinks on until the words are there
}

Mind::Actions DraftedMind::OnPossibleEnd(const HeardWords& words, Time speech_end, Time now) {
  out_.clear();
  answering_.Drop(out_);
  Lay();
  Answering::Prompt prompt;
  prompt.think = config_.effort != Effort::kMinimal && NeedsThought(words.text);
  const bool empty = !prompt.think && carried_ids_.empty();
  prompt.edit =
      parts_.trunk->Ask(words.text, empty ? parts_.prompt.no_think_open : parts_.prompt.think_open);
  if (!empty) {
    const std::vector<TokenId> so_far = SoFar();
    prompt.edit.append.insert(prompt.edit.append.end(), so_far.begin(), so_far.end());
    prompt.noted = static_cast<int32_t>(kept_.size());
  }
  if (prompt.think || !empty) prompt.without = parts_.trunk->Ask(words.text);
  prompt.so_far = carried_.empty() && !kept_.empty() ? "\n" : carried_;
  prompt.tokens_so_far = static_cast<int32_t>(carried_ids_.size());
  if (!prompt.think && !empty) {
    const std::vector<TokenId> end = form_.End(carried_);
    prompt.edit.append.insert(prompt.edit.append.end(), end.begin(), end.end());
  } else if (call_ != 0) {
    prompt.call = call_;
    prompt.inside = true;
    prompt.call_tail = call_tail_;
  }
  answering_.Prepare(std::move(prompt), speech_end, out_);
  if (may_decode_) answering_.Start(now, out_);
  return out_;
}

Mind::Actions DraftedMind::MaySpeculate(Time now) {
  out_.clear();
  if (!config_.speculate) return out_;
  may_decode_ = true;
  answering_.Start(now, out_);
  return out_;
}

Mind::Actions DraftedMind::OnTurnEnded(Time now) {
  out_.clear();
  ended_ = true;
  answering_.Commit(now, out_);
  return out_;
}

// The thought over a possible end is a thought over the words so far.
Mind::Actions DraftedMind::Abandon(Time) {
  out_.clear();
  if (answering_.prepared()) Carry(answering_.thought_ids(), answering_.thought());
  answering_.Drop(out_);
  if (call_ == 0) Lay();
  last_checkpoint_.reset();
  may_decode_ = ended_ = false;
  return out_;
}

Mind::Actions DraftedMind::Closed(ExchangeEnd end) {
  out_.clear();
  if (end == ExchangeEnd::kOver) kept_.clear();
  if (end == ExchangeEnd::kInterrupted) {
    kept_ = KeptThought(carried_ + answering_.thought(), config_.keep_thought_tokens, kEarlier,
                        "\n", *parts_.tokenizer);
  }
  answering_.Forget(out_);
  teller_.End(out_);
  Forget();
  return out_;
}

std::vector<TokenId> DraftedMind::SoFar() const {
  std::vector<TokenId> ids = kept_;
  ids.insert(ids.end(), carried_ids_.begin(), carried_ids_.end());
  return ids;
}

void DraftedMind::Forget() {
  draft_ = kTrunk;
  reader_.reset();
  drafted_ids_.clear();
  drafted_.clear();
  carried_ids_.clear();
  carried_.clear();
  clean_ids_ = clean_text_ = 0;
  last_checkpoint_.reset();
  call_ = 0;
  call_tail_.clear();
  may_decode_ = ended_ = false;
}

// ---- the branches --------------------------------------------------------------------------------

Mind::Actions DraftedMind::OnToken(BranchId branch, TokenId id, engine::Position position,
                                   Time now) {
  out_.clear();
  if (answering_.Owns(branch)) {
    answering_.OnToken(branch, id, position, now, out_);
  } else if (branch == draft_ && reader_) {
    drafted_ids_.push_back(id);
    const StreamReader::Read read = reader_->Push(id);
    drafted_ += read.thought;
    teller_.Add(read.thought, 1, ThoughtWhile::kListening, out_);
    if (reader_->clean()) {
      clean_ids_ = drafted_ids_.size();
      clean_text_ = drafted_.size();
    }
  }
  return out_;
}

Mind::Actions DraftedMind::OnEnded(BranchId branch, const engine::Ended& ended, Time now) {
  out_.clear();
  if (answering_.Owns(branch)) {
    answering_.OnEnded(branch, ended, now, out_);
  } else if (branch == draft_ && reader_) {
    if (ended.reason == engine::EndReason::kFailed) return OnFailed(branch, ended.error, now);
    if (!Call(ended)) Lay();
  }
  return out_;
}

// The draft calls a tool, and waits.
bool DraftedMind::Call(const engine::Ended& ended) {
  if (ended.reason != engine::EndReason::kStopText || !reader_->in_call()) return false;
  std::optional<Result<ToolCall>> call;
  call_tail_ = parts_.tokenizer->Encode(ended.text);
  for (const TokenId id : call_tail_) {
    StreamReader::Read read = reader_->Push(id);
    if (read.call) call = std::move(read.call);
  }
  if (!call) call = reader_->End().call;
  if (!call) return false;
  clean_ids_ = drafted_ids_.size();  // the call belongs to the thought
  clean_text_ = drafted_.size();
  call_ = ++names_.call;
  out_.emplace_back(mind::CallTool{call_, std::move(*call)});
  return true;
}

Mind::Actions DraftedMind::OnToolResult(int64_t call, const ToolResult& result, Time now) {
  out_.clear();
  const bool waited = answering_.Waits(call);
  if (call == call_) {
    std::vector<TokenId> ids = std::exchange(call_tail_, {});
    const std::vector<TokenId> told = form_.Result(result.text);
    ids.insert(ids.end(), told.begin(), told.end());
    call_ = 0;
    if (draft_ != kTrunk) {
      drafted_ids_.insert(drafted_ids_.end(), ids.begin(), ids.end());
      clean_ids_ = drafted_ids_.size();
      reader_.emplace(parts_.tokenizer, form_.Parser(true, false));
      out_.emplace_back(mind::Append{draft_, std::move(ids)});
      Think();
    } else if (!waited) {  // the draft is gone, its call was carried
      Carry(ids, "");
    }
  }
  if (waited) answering_.OnToolResult(result, now, out_);
  return out_;
}

// A draft is worth having; without it the thought begins at the end of the turn.
Mind::Actions DraftedMind::OnFailed(BranchId branch, Error error, Time now) {
  out_.clear();
  if (answering_.Owns(branch)) {
    answering_.OnFailed(branch, std::move(error), now, out_);
  } else if (branch == draft_ && draft_ != kTrunk) {
    Lay();
  }
  return out_;
}

// ---- the answer ----------------------------------------------------------------------------------

Mind::Actions DraftedMind::OnFirstSound(Time) {
  out_.clear();
  answering_.OnFirstSound(out_);
  return out_;
}

Mind::Actions DraftedMind::OnPlayback(Duration left, Time now) {
  out_.clear();
  answering_.OnPlayback(left, now, out_);
  return out_;
}

Mind::Actions DraftedMind::OnTime(Time now) {
  out_.clear();
  answering_.OnTime(now, out_);
  return out_;
}

}  // namespace parley::realtime

// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/answering.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace parley::realtime {
namespace {

constexpr int64_t kFirstClauseTokens = 10;  // what the deadline leaves room for

using mind::Decided;

}  // namespace

// ---- the turn ------------------------------------------------------------------------------------

void Answering::Prepare(Prompt prompt, Time speech_end, Out out) {
  Drop(out);
  prompt_ = std::move(prompt);
  speech_end_ = speech_end;
  call_ = prompt_->call;
  call_inside_ = prompt_->inside;
  call_tail_ = prompt_->call_tail;
  Fork(out);
}

void Answering::Fork(Out out) {
  stage_ = Stage::kPrepared;
  out.emplace_back(mind::NewAnswer{});
  ForkFrom(prompt_->edit, out);
}

void Answering::ForkFrom(const TrunkEdit& edit, Out out) {
  f_ = names_.branch = names_.branch.Next();
  out.emplace_back(mind::Fork{f_, kTrunk, edit.keep, edit.append, Urgency()});
  f_size_ = thought_end_ = edit.keep + static_cast<engine::Position>(edit.append.size());
  BeginsAt(f_, f_size_, out);
}

void Answering::Start(Time now, Out out) {
  if (stage_ != Stage::kPrepared) return;
  f_reader_.emplace(form_.tokenizer(), form_.Parser(prompt_->think, false));
  if (!prompt_->think) {
    out.emplace_back(Decided{Decided::What::kNoThought});
    return AnswerOnF(out);
  }
  if (call_ != 0) {
    stage_ = Stage::kTool;
    return Arm(now, out);
  }
  stage_ = Stage::kThought;
  if (ThoughtLeft() <= 0) {
    EndThought(Decided::What::kThoughtBudget, out);
    return AnswerOnF(out);
  }
  GenerateOnF(ThoughtLeft() + budgets_.answer, out);
  Weigh(now, out);
  Arm(now, out);
}

void Answering::Commit(Time now, Out out) {
  committed_ = true;
  if (stage_ == Stage::kNone && prompt_) Fork(out);
  if (stage_ == Stage::kPrepared) return Start(now, out);
  if (f_ != kTrunk && stage_ != Stage::kParts) out.emplace_back(mind::Hurry{f_});
  if (a_ != kTrunk) out.emplace_back(mind::Hurry{a_});
  // A call whose stream is still ending is made at that end.
  const bool ended =
      stage_ == Stage::kTool || (stage_ == Stage::kParts && beside_ == Beside::kTool);
  if (held_call_ && ended) CallNow(now, out);
  Weigh(now, out);
  Arm(now, out);
}

void Answering::Drop(Out out) {
  if (stage_ != Stage::kNone) {
    teller_.End(out);
    Release(a_, out);
    Release(f_, out);
    out.emplace_back(mind::VoidAnswer{static_cast<int64_t>(said_ids_.size() + check_.size())});
  }
  Clear();
}

void Answering::Forget(Out out) {
  teller_.End(out);
  Clear();
}

void Answering::Clear() {
  stage_ = Stage::kNone;
  prompt_.reset();
  committed_ = sounds_ = covered_ = tell_failure_ = ended_itself_ = whole_ = check_complete_ =
      false;
  f_ = a_ = kTrunk;
  f_reader_.reset();
  a_reader_.reset();
  thought_ids_.clear();
  clean_ids_ = 0;
  thought_.clear();
  thought_tokens_ = part_tokens_ = answer_tokens_ = calls_ = 0;
  held_call_.reset();
  call_tail_.clear();
  call_ = 0;
  part_ = Part::kNone;
  beside_ = Beside::kThinking;
  dry_at_.reset();
  check_.clear();
  said_.clear();
  said_ids_.clear();
  phrase_ids_ = 0;
}

// ---- the branches --------------------------------------------------------------------------------

void Answering::OnToken(BranchId branch, TokenId id, engine::Position position, Time now, Out out) {
  pace_.Took(now);
  if (branch == a_) return OnTokenOfA(id, position, out);
  OnTokenOfF(id, position, now, out);
}

void Answering::OnEnded(BranchId branch, const engine::Ended& ended, Time now, Out out) {
  if (ended.reason == engine::EndReason::kFailed) return OnFailed(branch, ended.error, now, out);
  if (branch == a_) return OnEndOfA(ended, now, out);
  f_size_ = ended.position;
  OnEndOfF(ended, now, out);
}

void Answering::OnFailed(BranchId branch, Error error, Time now, Out out) {
  if (branch != f_ || stage_ != Stage::kParts) return Lose(std::move(error), out);
  Release(f_, out);  // thought beside an answer is worth having, but the answer goes on without it
  teller_.End(out);
  beside_ = Beside::kGone;
  GoOn(now, out);
}

// What was only a guess can be tried again when the turn has ended; an answer cannot.
void Answering::Lose(Error error, Out out) {
  if (committed_) {
    out.emplace_back(mind::Failed{std::move(error)});
    return;
  }
  std::optional<Prompt> again = std::move(prompt_);
  Drop(out);
  prompt_ = std::move(again);
}

void Answering::OnTokenOfF(TokenId id, engine::Position position, Time now, Out out) {
  f_size_ = position;
  const bool thought = f_reader_->in_thought();
  StreamReader::Read read = f_reader_->Push(id);
  if (thought) ReadThought(read, id, position, out);
  if (stage_ == Stage::kParts) return BesideToken(std::move(read), position, out);
  if (!thought) ++answer_tokens_;
  if (thought && !f_reader_->in_thought()) {
    out.emplace_back(Decided{Decided::What::kThoughtEnded});
    teller_.End(out);
    if (stage_ == Stage::kThought) stage_ = Stage::kAnswer;
  }
  Speak(f_, position, std::move(read.spoken), out);
  if (read.call) held_call_ = std::move(read.call);
  if (held_call_ && stage_ == Stage::kThought) out.emplace_back(mind::Stop{f_});
  if (stage_ == Stage::kThought) return Weigh(now, out);
  if (stage_ == Stage::kAnswer && AnswerLeft() == 0) out.emplace_back(mind::Stop{f_});
}

void Answering::ReadThought(StreamReader::Read& read, TokenId id, engine::Position position,
                            Out out) {
  const int mark = form_.marks() && id == form_.marks()->answer ? 1 : 0;  // which is no thought
  thought_tokens_ += 1 - mark;
  thought_ += read.thought;
  teller_.Add(read.thought, 1 - mark, ThoughtWhile::kGap, out);
  if (!f_reader_->in_thought()) {
    ended_itself_ = true;
    thought_end_ = position;
    return;
  }
  thought_ids_.push_back(id);
  if (!f_reader_->clean()) return;
  thought_end_ = position;
  clean_ids_ = thought_ids_.size();
}

// ---- thought before the first word ---------------------------------------------------------------

// A wait that a phrase may cover: for a tool, or for a thought that has all the time it takes.
bool Answering::MayCover() const {
  if (!committed_ || covered_) return false;
  return stage_ == Stage::kTool || (stage_ == Stage::kThought && config_.effort == Effort::kHigh);
}

Time Answering::CoverAt() const { return speech_end_ + milliseconds(config_.cover_after_ms); }

void Answering::Weigh(Time now, Out out) {
  if (MayCover() && now >= CoverAt()) {
    covered_ = true;
    out.emplace_back(Decided{Decided::What::kCovered});
    SayPhrase(stage_ == Stage::kTool ? Phrase::kToolCover : Phrase::kCover, out);
  }
  if (stage_ != Stage::kThought || f_reader_->in_call() || held_call_) return;
  const bool enough =
      config_.effort == Effort::kLow && thought_tokens_ >= config_.low_thought_tokens;
  if (enough || ThoughtLeft() <= 0) {
    stage_ = Stage::kCut;
    out.emplace_back(Decided{Decided::What::kThoughtBudget});
    out.emplace_back(mind::Stop{f_});
  } else if (config_.effort == Effort::kMedium && now >= SpeakAt()) {
    BeginParts(now, out);
  }
}

// Only for what Weigh will decide then: to be woken at a time that has passed, for nothing, is to be
// woken for ever.
void Answering::Arm(Time now, Out out) {
  // Inside a call nothing is decided: its end weighs anew.
  if (stage_ == Stage::kThought && (f_reader_->in_call() || held_call_)) return;
  if (stage_ == Stage::kThought && config_.effort == Effort::kMedium) {
    out.emplace_back(mind::WakeAt{std::max(now, SpeakAt())});
  } else if (MayCover()) {
    out.emplace_back(mind::WakeAt{std::max(now, CoverAt())});
  }
}

void Answering::OnTime(Time now, Out out) {
  Weigh(now, out);
  Arm(now, out);
  GoOn(now, out);
}

Time Answering::SpeakAt() const {
  return speech_end_ + milliseconds(config_.first_audio_deadline_ms - config_.voice_ms) -
         pace_.Of(kFirstClauseTokens);
}

// f's stream is over, or has not begun: its thought ends here.
void Answering::EndThought(Decided::What why, Out out) {
  if (why != Decided::What::kThoughtEnded) out.emplace_back(Decided{why});
  StreamReader::Read read = f_reader_->EndThought();
  thought_ += read.thought;
  teller_.Add(read.thought, 0, ThoughtWhile::kGap, out);
  teller_.End(out);
  AppendToF(form_.End(WholeThought()), out);
}

void Answering::AnswerOnF(Out out) {
  stage_ = Stage::kAnswer;
  GenerateOnF(AnswerLeft(), out);
}

void Answering::OnEndOfF(const engine::Ended& ended, Time now, Out out) {
  if (f_reader_->in_thought() && OnEndOfCall(ended, now, out)) return;
  if (stage_ == Stage::kParts) return BesideEnded(ended, now, out);
  const bool stopped = ended.reason == engine::EndReason::kStopped;
  if (f_reader_->in_thought()) {
    if (stage_ != Stage::kCut) out.emplace_back(Decided{Decided::What::kThoughtEnded});
    EndThought(Decided::What::kThoughtEnded, out);
    AnswerOnF(out);
  } else if (stage_ == Stage::kCut) {  // it ended itself while the stop was on its way
    AnswerOnF(out);
  } else {
    Speak(f_, f_size_, f_reader_->End().spoken, out);
    Finish(!stopped && ended.reason != engine::EndReason::kBudget, out);
  }
}

// ---- what everything above stands on -------------------------------------------------------------

void Answering::OnFirstSound(Out out) {
  sounds_ = true;
  if (stage_ == Stage::kAnswer) out.emplace_back(mind::Hurry{f_, engine::Urgency::kSpeaking});
  if (stage_ != Stage::kParts) return;
  if (a_ != kTrunk) out.emplace_back(mind::Hurry{a_, engine::Urgency::kSpeaking});
  if (f_ != kTrunk) out.emplace_back(mind::Hurry{f_, engine::Urgency::kThinkingSpeaking});
}

void Answering::OnPlayback(Duration left, Time now, Out out) {
  dry_at_ = now + left;
  GoOn(now, out);
}

void Answering::GenerateOnF(int32_t tokens, Out out) {
  const bool beside = stage_ == Stage::kParts;
  pace_.Begin();
  out.emplace_back(
      mind::Generate{f_, Options(tokens, beside ? engine::Urgency::kThinkingSpeaking : Urgency())});
}

void Answering::AppendToF(const std::vector<TokenId>& ids, Out out) {
  f_size_ += static_cast<engine::Position>(ids.size());
  out.emplace_back(mind::Append{f_, ids, Urgency()});
}

void Answering::BeginsAt(BranchId branch, engine::Position size, Out out) {
  out.emplace_back(mind::AnswerBegins{
      branch, size, int64_t{prompt_->noted} + prompt_->tokens_so_far + thought_tokens_});
}

void Answering::Speak(BranchId branch, engine::Position end, std::vector<SpokenToken> tokens,
                      Out out) {
  if (tokens.empty()) return;
  if (said_ids_.size() == phrase_ids_) {
    const auto ids = std::count_if(tokens.begin(), tokens.end(),
                                   [](const SpokenToken& token) { return token.id.has_value(); });
    BeginsAt(branch, end - ids, out);
  }
  for (const SpokenToken& token : tokens) {
    if (token.text) said_ += token.text->view();
  }
  Utter(std::move(tokens), out);
}

void Answering::Utter(std::vector<SpokenToken> tokens, Out out) {
  for (const SpokenToken& token : tokens) {
    if (token.id) said_ids_.push_back(*token.id);
  }
  dry_at_.reset();
  SayTokens(std::move(tokens), out);
}

void Answering::SayPhrase(Phrase phrase, Out out) {
  const bool first = said_ids_.size() == phrase_ids_;
  Utter(Spell(phrase, *form_.tokenizer()), out);
  if (first) phrase_ids_ = said_ids_.size();
}

void Answering::Finish(bool complete, Out out) {
  teller_.End(out);
  Release(a_, out);
  Release(f_, out);
  if (said_.empty() && prompt_->without) {
    answer_tokens_ = thought_tokens_ = prompt_->tokens_so_far = prompt_->noted = 0;
    ForkFrom(*std::exchange(prompt_->without, std::nullopt), out);
    f_reader_.emplace(form_.tokenizer(), form_.Parser(false, false));
    return AnswerOnF(out);
  }
  stage_ = Stage::kDone;
  out.emplace_back(mind::AnswerEnded{complete});
}

void Answering::Release(BranchId& branch, Out out) {
  if (branch != kTrunk) out.emplace_back(mind::Drop{std::exchange(branch, kTrunk)});
}

engine::GenerateOptions Answering::Options(int32_t tokens, engine::Urgency urgency) const {
  engine::GenerateOptions options = SampledAs(config_);
  options.max_tokens = std::max(tokens, 1);
  options.stop_ids = form_.stop_ids();
  options.stop_texts = form_.stop_texts();
  options.urgency = urgency;
  return options;
}

engine::Urgency Answering::Urgency() const {
  if (!committed_) return engine::Urgency::kSpeculation;
  return sounds_ && !covered_ ? engine::Urgency::kSpeaking : engine::Urgency::kFirstWords;
}

int32_t Answering::AnswerLeft() const { return std::max(budgets_.answer - answer_tokens_, 0); }

int32_t Answering::ThoughtLeft() const {
  return budgets_.thought - prompt_->tokens_so_far - thought_tokens_;
}

}  // namespace parley::realtime

// SPDX-License-Identifier: Apache-2.0
// The second half of a Conversation: from words to sound. The first half is conversation.cc.
#include "realtime/conversation.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/log.h"

namespace parley::realtime {
namespace {

constexpr int kMostRebuilds = 3;  // of the trunk, with nothing decoded between them

// Do the ids say this text and nothing else? White space before an answer is no part of it.
bool SayOnly(const model::Tokenizer& tokenizer, std::span<const TokenId> ids,
             std::string_view text) {
  if (std::any_of(ids.begin(), ids.end(), [&](TokenId id) { return tokenizer.IsSpecial(id); })) {
    return false;
  }
  const std::string said = tokenizer.Decode(ids);
  const auto words = [](std::string_view s) {
    return s.substr(std::min(s.find_first_not_of(" \t\r\n"), s.size()));
  };
  return words(said) == words(text);
}

// What stood in the cache when `id` was decoded. A reader may hold a few tokens back before it knows whose they are, so
// it need not be the last one.
std::vector<TokenId> IdsBefore(std::span<const TokenId> held, TokenId id) {
  const auto at = std::find(held.rbegin(), held.rend(), id);
  return at == held.rend() ? std::vector<TokenId>()
                           : std::vector<TokenId>(held.begin(), std::prev(at.base()));
}

}  // namespace

// ---- mind: words to an answer --------------------------------------------------------------------

void Conversation::Do(std::vector<mind::Action> actions) {
  for (mind::Action& action : actions) {
    std::visit([this](auto& a) { Do(a); }, action);
  }
}

// What the engine says of the branches is the mind's, unless it failed where everything stands on.
void Conversation::OnNews(const BranchNews& news) {
  const std::optional<BranchId> branch = branches_.Take(news);
  if (!branch) {
    ++stale_;
    return;
  }
  news_of_ = *branch;
  if (const auto* token = std::get_if<BranchNews::Token>(&news.what)) {
    rebuilds_ = 0;
    return Do(Answerer().OnToken(*branch, token->id, token->position, Now()));
  }
  const auto* ended = std::get_if<engine::Ended>(&news.what);
  if (ended != nullptr && (*branch != kTrunk || ended->reason != engine::EndReason::kFailed)) {
    return Do(Answerer().OnEnded(*branch, *ended, Now()));
  }
  const Error& error =
      ended != nullptr ? ended->error : std::get<BranchNews::AppendFailed>(news.what).error;
  if (*branch != kTrunk) return Do(mind_->OnFailed(*branch, error, Now()));
  // The trunk: once in a turn it is made anew while the user speaks on.
  if (ended_ || std::exchange(recovered_, true)) return FailTurn(error);
  LogWarn("trunk_lost", {{"error", error.message}});
  Rebuild(error);
  if (!dead_) Do(mind_->OnFailed(kTrunk, error, Now()));
}

void Conversation::Do(mind::Generate& generate) {
  const bool guess = generate.options.urgency == engine::Urgency::kSpeculation;
  if (guess && !std::exchange(guessed_, true)) ++trace_.speculations;
  branches_.Generate(std::move(generate));
}

void Conversation::Do(const mind::Adopt& adopt) {
  branches_.Adopt(adopt.branch);
  news_of_ = kTrunk;
}

void Conversation::Do(const mind::AnswerBegins& prompt) {
  const std::span<const TokenId> ids = branches_.ids(prompt.branch);
  const auto size = std::min(ids.size(), static_cast<size_t>(prompt.size));
  trace_.prompt_ids.assign(ids.begin(), ids.begin() + static_cast<int64_t>(size));
  trace_.prompt_thought_tokens = prompt.thought;
}

void Conversation::Do(const mind::Hear& words) {
  Apply(trunk_.Hear(words.text), engine::Urgency::kThinkingListening);
}

void Conversation::Do(const mind::RollBack& back) {
  trace_.thought_tokens_redone += back.thought;
  Apply(trunk_.RollBack(back.keep), engine::Urgency::kHousekeeping);
}

void Conversation::Do(const mind::NewAnswer&) {
  speaker_.Begin();
  answer_ids_.clear();
  written_.clear();
  text_ended_.reset();
  trace_.prompt_ids.clear();
  trace_.prompt_thought_tokens = 0;
  runway_told_ = guessed_ = false;
  trace_.first_token_ms = trace_.first_clause_ms = -1;
  if (asked_) Do(speaker_.Release(Now()));
}

void Conversation::Do(const mind::VoidAnswer& answer) {
  speaker_.End();
  trace_.tokens_wasted += answer.wasted_tokens;
  if (!asked_) ++trace_.speculations_dropped;
}

void Conversation::Do(const mind::Say& more) {
  runway_told_ = false;
  written_.push_back({more.text, std::nullopt, true});
  Do(speaker_.OnText(more.text, Now()));
}

void Conversation::Do(const mind::TokenTaken& token) {
  if (answer_ids_.empty()) {
    trace_.first_token_ms = InputMs();
    if (trace_.prompt_ids.empty() && !unasked_) {  // else the mind has told
      trace_.prompt_ids = IdsBefore(branches_.ids(news_of_), token.id);
    }
  }
  answer_ids_.push_back(token.id);
  if (written_.empty() || written_.back().id) written_.emplace_back();
  written_.back().id = token.id;
  written_.back().clean = token.clean;
  speaker_.OnToken(token.clean);
}

void Conversation::Do(const mind::PartEnded&) {
  runway_told_ = false;
  Do(speaker_.OnPartEnd(Now()));
}

void Conversation::Do(const mind::AnswerEnded& ended) {
  text_ended_ = ended.complete;
  Do(speaker_.OnTextEnd(ended.complete, Now()));
}

void Conversation::Do(const mind::Think& thought) {
  const bool sounds = asked_ && trace_.first_audio_ms >= 0;
  const ThoughtWhile when = sounds ? ThoughtWhile::kSpeaking : thought.when;
  (when == ThoughtWhile::kListening ? trace_.thought_tokens_listening
   : when == ThoughtWhile::kGap     ? trace_.thought_tokens_after_turn
                                    : trace_.thought_tokens_speaking) += thought.tokens;
  if (!thought.text.ForTrace().empty()) Emit(Thought{thought.text, when});
}

void Conversation::Do(const mind::Decided& decided) {
  using What = mind::Decided::What;
  switch (decided.what) {
    case What::kNoThought:
      trace_.thought_end = "none";
      break;
    case What::kThoughtEnded:
      trace_.thought_end = "model";
      break;
    case What::kThoughtBudget:
      trace_.thought_end = "budget";
      break;
    case What::kThoughtDeadline:
      trace_.thought_end = "deadline";
      break;
    case What::kCovered:
      ++trace_.covers;
      break;
    case What::kCorrected:
      ++trace_.corrections;
      break;
  }
}

void Conversation::Do(mind::CallTool& call) {
  ++trace_.tool_calls;
  if (settings_.client_tools && call.what) {
    Emit(ToolCalled{call.what->name, call.what->arguments});
    const std::string later = "the result comes with the next turn";
    return Do(mind_->OnToolResult(call.call, {later, false}, Now()));
  }
  if (parts_.tools == nullptr) {
    return Do(mind_->OnToolResult(call.call, {"error: there are no tools", true}, Now()));
  }
  parts_.tools->Run(std::move(call.what), epoch_,
                    [weak = weak_from_this(), id = call.call](const ToolOutcome& outcome) {
                      if (auto self = weak.lock()) self->OnToolOutcome(id, outcome);
                    });
}

void Conversation::OnToolOutcome(int64_t call, const ToolOutcome& outcome) {
  const std::string text = outcome.ForModel(config_.tools.longest_result);
  Do(mind_->OnToolResult(call, {text, !outcome.result.has_value()}, Now()));
}

void Conversation::Do(const mind::WakeAt& wake) {
  SetTimer(mind_wake_, wake.when, &Conversation::MindDue);
}

void Conversation::MindDue() { Do(mind_->OnTime(Now())); }

// ---- speak: an answer to sound -------------------------------------------------------------------

void Conversation::Do(std::vector<speak::Action> actions) {
  for (speak::Action& action : actions) {
    std::visit([this](auto& a) { Do(a); }, action);
  }
  TellPlayback();
}

void Conversation::Do(speak::Synthesize& clause) {
  const ClauseId id = clause.clause;
  SpeakJob job{std::move(clause.text),
               {settings_.speed.value_or(config_.speak.speed), config_.speak.noise},
               epoch_,
               live_,
               executor_,
               IfAlive([id](Conversation& self, tts::SpeechChunk chunk) {
                 self.Do(self.speaker_.OnChunk(id, std::move(chunk), self.Now()));
               }),
               IfAlive([id, epoch = epoch_](Conversation& self, const Status& status) {
                 if (self.Stale(epoch)) return;
                 if (!status) return self.FailTurn(status.error());
                 self.Do(self.speaker_.OnClauseSpoken(id, self.Now()));
               })};
  if (!parts_.voice->Speak(std::move(job))) {
    FailTurn(Fail(Code::kExhausted, "the voice has too much to say: too many talks for one voice"));
  }
}

void Conversation::Do(const speak::ClauseCut&) { trace_.first_clause_ms = InputMs(); }

void Conversation::Do(speak::Say& say) { Emit(Say{std::move(say.text), say.begin}); }

void Conversation::Do(speak::Words& words) { Emit(WordsTimed{std::move(words.words)}); }

void Conversation::Do(const speak::Sent&) {
  trace_.answer_tokens = static_cast<int64_t>(answer_ids_.size());
  Emit(AnswerSent{trace_});
}

void Conversation::Do(speak::Send& send) {
  if (send.ran_dry) ++underruns_;
  if (send.first_sample == 0) {
    trace_.first_audio_ms = InputMs();
    Emit(FirstAudio{});
    turn_.AnswerHeard(InputNow());
    if (!turn_.lowered()) {  // what comes now is heard over the answer
      listener_.End();
      stable_.reset();
    }
    Do(Answerer().OnFirstSound(Now()));
  }
  Emit(AudioOut{std::move(send.samples), parts_.voice->sample_rate_hz(), send.first_sample});
}

void Conversation::Do(const speak::WakeAt& wake) {
  SetTimer(speaker_wake_, wake.when, &Conversation::SpeakerDue);
}

void Conversation::SpeakerDue() { Do(speaker_.OnTime(Now())); }

// The mind asks for more of the answer when nothing that was said waits for the voice any more.
void Conversation::TellPlayback() {
  const std::optional<Duration> left = asked_ ? speaker_.Runway(Now()) : std::nullopt;
  if (!left) {
    runway_told_ = false;
  } else if (!std::exchange(runway_told_, true)) {
    Do(Answerer().OnPlayback(*left, Now()));
  }
}

void Conversation::Do(const speak::Over&) {
  if (trace_.first_audio_ms >= 0) pause_.Answered(InputNow());
  Apply(CloseAnswer(), engine::Urgency::kHousekeeping);
  Emit(TurnDone{trace_});
  Listen();
}

// ---- the end of an answer ------------------------------------------------------------------------

// Nothing of it is wanted: its branches, its sound. The question stays open.
void Conversation::AbandonAnswer() {
  NextEpoch();
  Do(mind_->Abandon(Now()));
  asked_ = held_ = false;
  speaker_.End();
  text_.reset();
  frames_complete_ = false;
}

// Nothing of the exchange is thought about any more.
void Conversation::EndThinking(ExchangeEnd end) {
  branches_.DropAll();
  if (parts_.tools != nullptr) parts_.tools->CancelBefore(epoch_);
  writer_.reset();
  Do(mind_->Closed(end));
}

// As if nothing had been said.
void Conversation::ForgetExchange() {
  AbandonAnswer();
  EndThinking(ExchangeEnd::kForgotten);
  Apply(trunk_.Unhear(), engine::Urgency::kHousekeeping);
}

// Somebody speaks, or pressed stop.
void Conversation::StopAnswer() {
  speaker_.Settle(Now());
  const PlaybackLedger& ledger = speaker_.ledger();
  const HeardCut heard = speaker_.Heard();
  Emit(BargedIn{ledger.text().substr(0, heard.chars)});
  trace_.tokens_wasted += static_cast<int64_t>(answer_ids_.size() - heard.tokens);
  Apply(CloseAnswer(true), engine::Urgency::kHousekeeping);
  Emit(TurnDone{trace_});
}

// A request without words, of whose answer nothing was heard, leaves nothing behind.
bool Conversation::Keeps(const HeardCut& cut) const {
  return unasked_ || !Said().empty() || !heard_before_.empty() || cut.chars > 0;
}

// The trunk keeps what was heard, cut at the same character as the trace and the events.
TrunkEdit Conversation::CloseAnswer(bool interrupted) {
  NextEpoch();
  const PlaybackLedger& ledger = speaker_.ledger();
  const HeardCut cut = speaker_.Heard();
  trace_.answer = ledger.text().substr(0, cut.chars);
  trace_.answer_ids = answer_ids_;
  trace_.answer_tokens = static_cast<int64_t>(answer_ids_.size());
  trace_.reprefilled_tokens = trunk_.reprefilled() - reprefilled_before_;
  // Spoken text is remembered by its ids, unless a thought, a tag or a call stands among them.
  std::vector<TokenId> ids = heard_before_ids_;
  ids.insert(ids.end(), answer_ids_.begin(),
             answer_ids_.begin() + static_cast<int64_t>(cut.tokens));
  size_t told = heard_before_.size() + cut.token_chars;
  const std::string heard = heard_before_ + trace_.answer;
  if (!SayOnly(*parts_.tokenizer, ids, heard.substr(0, told))) {
    ids.clear();
    told = 0;
  }
  std::string tail = heard.substr(told);
  if (interrupted && cut.chars > 0 && cut.chars < ledger.text().size()) {
    tail += config_.conversation.interruption_note;
  }
  TrunkEdit edit = asked_ && Keeps(cut) ? trunk_.Close(mind_->Remembered(Said()), ids, tail, heard)
                                        : trunk_.Unhear();
  heard_before_ids_.clear();
  heard_before_.clear();
  typed_beside_.reset();
  // What is said unasked leaves the thoughts of the turn before it; its answer's end takes them.
  const bool aside = unasked_ == Unasked::Why::kNotice || (unasked_ && interrupted);
  EndThinking(aside         ? ExchangeEnd::kForgotten
              : interrupted ? ExchangeEnd::kInterrupted
                            : ExchangeEnd::kOver);
  asked_ = ended_ = held_ = false;
  speaker_.End();
  return edit;
}

// The floor is free again.
void Conversation::Listen() {
  ended_ = held_ = false;
  CatchUp();
  frame_listener_.End();
  if (trace_.first_audio_ms < 0) {
    listener_.End();
    stable_.reset();
  }  // else it hears whoever has lowered the answer
  Do(turn_.AnswerOver(frames_end_));
  SpeakUnasked();
}

// What the listener has heard is kept, the rest of the turn is lost; the talk goes on.
void Conversation::FailTurn(const Error& error) {
  if (dead_) return;
  Emit(Failed{error});
  speaker_.Settle(Now());
  CloseAnswer();
  unfinished_.reset();
  listener_.End();
  Rebuild(error);
  Listen();
}

// Nobody knows what the sequence holds: it is written anew. When that fails again and again there is
// nothing to stand on.
void Conversation::Rebuild(const Error& why) {
  if (++rebuilds_ <= kMostRebuilds) return branches_.Rebuild();
  dead_ = true;
  Emit(Failed{Context("the talk is over", why)});
}

}  // namespace parley::realtime

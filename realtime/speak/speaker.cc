// SPDX-License-Identifier: Apache-2.0
#include "realtime/speak/speaker.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

namespace parley::realtime {
namespace {

constexpr Duration kReportGrace = milliseconds(1000);  // for a client that stops reporting
constexpr Duration kRamp = milliseconds(20);           // a gain that jumps would click

// A voice begins a clause with silence of its own, Piper with 30 to 55 ms. Between clauses it is a pause; before the
// first word of an answer somebody waits for it. What is below -60 dBFS goes, but for 5 ms.
int64_t SilentLead(std::span<const float> samples, int rate_hz) {
  constexpr float kQuiet = 0.001F;
  const auto sound = std::ranges::find_if(samples, [](float x) { return std::fabs(x) >= kQuiet; });
  return std::max<int64_t>(0, sound - samples.begin() - rate_hz * 5 / 1000);
}

}  // namespace

Speaker::Speaker(const SpeakConfig& config, int rate_hz)
    : config_(config), rate_hz_(rate_hz), clock_(rate_hz) {}

void Speaker::Begin() {
  active_ = true;
  released_ = text_ended_ = over_ = clause_cut_ = at_sentence_end_ = sent_told_ = false;
  silent_ = wants_silence_;
  chunker_.emplace(config_);
  ledger_ = PlaybackLedger();
  clock_ = PlaybackClock(rate_hz_);
  reported_.reset();
  waiting_.clear();
  speaking_.reset();
  unsaid_.clear();
  untold_.clear();
  ready_.clear();
  made_ = 0;
  lowered_ = false;
  gain_ = 1;
}

void Speaker::End() {
  active_ = false;
  chunker_.reset();
  waiting_.clear();
  speaking_.reset();
  ready_.clear();
  ledger_ = PlaybackLedger();
}

Speaker::Actions Speaker::OnText(const AnswerText& more, Time now) {
  out_.clear();
  if (!active_ || text_ended_) return out_;
  const size_t begin = ledger_.text().size();
  ledger_.AddText(more.view());
  if (silent_) {
    Tell(std::string(more.view()), begin);
  } else {
    TakeClauses(chunker_->Push(more));
  }
  return Advance(now);
}

Speaker::Actions Speaker::OnPartEnd(Time now) {
  out_.clear();
  if (!active_ || text_ended_) return out_;
  TakeClauses(chunker_->Flush());
  return Advance(now);
}

Speaker::Actions Speaker::OnTextEnd(bool complete, Time now) {
  out_.clear();
  if (!active_ || text_ended_) return out_;
  text_ended_ = true;
  if (silent_) return Advance(now);
  if (complete) {
    TakeClauses(chunker_->Flush());
  } else {
    CutToSentence();
  }
  return Advance(now);
}

void Speaker::TakeClauses(std::vector<Clause> clauses) {
  for (Clause& clause : clauses) {
    if (!std::exchange(clause_cut_, true)) out_.emplace_back(speak::ClauseCut{});
    waiting_.push_back(std::move(clause));
  }
}

void Speaker::CutToSentence() {
  const auto last = std::find_if(waiting_.rbegin(), waiting_.rend(),
                                 [](const Clause& clause) { return clause.ends_sentence; });
  if (last != waiting_.rend()) {
    waiting_.erase(last.base(), waiting_.end());
  } else if (at_sentence_end_) {
    waiting_.clear();
  } else {  // the only sentence there is, or one that has been begun: say what there is of it
    TakeClauses(chunker_->Flush());
  }
}

Speaker::Actions Speaker::OnChunk(ClauseId clause, tts::SpeechChunk chunk, Time now) {
  out_.clear();
  if (!active_ || speaking_ != clause) {
    ++stale_;
    return out_;
  }
  if (made_ == 0) {
    const int64_t lead = SilentLead(chunk.samples, rate_hz_);
    chunk.samples.erase(chunk.samples.begin(), chunk.samples.begin() + lead);
    clause_first_sample_ -= lead;
  }
  for (const tts::WordSpan& word : chunk.words) {
    const WordTime time{std::max<int64_t>(0, clause_first_sample_ + word.first_sample),
                        clause_char_begin_ + word.char_begin, clause_char_begin_ + word.char_end};
    ledger_.AddWord(time.first_sample, time.begin, time.end);
    untold_.push_back(time);
  }
  ready_.insert(ready_.end(), chunk.samples.begin(), chunk.samples.end());
  made_ += static_cast<int64_t>(chunk.samples.size());
  return Advance(now);
}

Speaker::Actions Speaker::OnClauseSpoken(ClauseId clause, Time now) {
  out_.clear();
  if (!active_ || speaking_ != clause) {
    ++stale_;
    return out_;
  }
  ledger_.EndClause(clause, made_);
  speaking_.reset();
  return Advance(now);
}

Speaker::Actions Speaker::Release(Time now) {
  out_.clear();
  if (!active_ || released_) return out_;
  released_ = true;
  for (speak::Say& say : unsaid_) out_.emplace_back(std::move(say));
  unsaid_.clear();
  return Advance(now);
}

Speaker::Actions Speaker::OnTime(Time now) {
  out_.clear();
  return Advance(now);
}

Speaker::Actions Speaker::OnPlayed(int64_t samples, Time now) {
  out_.clear();
  if (!active_) return out_;
  reported_ = std::clamp(samples, reported_.value_or(0), clock_.sent());
  return Advance(now);
}

void Speaker::Settle(Time now) { ledger_.Played(played(now)); }

std::optional<Duration> Speaker::Runway(Time now) const {
  if (!active_ || !released_ || text_ended_ || speaking_ || !waiting_.empty()) return std::nullopt;
  return clock_.ToDuration(made_ - clock_.Played(now));
}

std::optional<Time> Speaker::EndsAt(Time now) const {
  if (!active_ || !released_ || !text_ended_ || speaking_ || !waiting_.empty()) return std::nullopt;
  const auto unsent = static_cast<int64_t>(ready_.size());
  return std::max(clock_.drained(), now) + clock_.ToDuration(unsent);
}

float Speaker::duck_gain() const { return std::pow(10.0F, config_.duck_db / 20.0F); }

Speaker::Actions Speaker::Advance(Time now) {
  if (!active_ || over_) return out_;
  SpeakNext(now);
  if (!released_) return out_;
  if (!untold_.empty()) out_.emplace_back(speak::Words{std::exchange(untold_, {})});
  SendDue(now);
  if (AllSent()) {
    if (!std::exchange(sent_told_, true)) out_.emplace_back(speak::Sent{});
    const bool told = reported_ && *reported_ >= clock_.sent();
    const Time end = clock_.drained() + (reported_ ? kReportGrace : Duration::zero());
    if (told || now >= end || clock_.sent() == 0) {
      over_ = true;
      ledger_.Played(clock_.sent());
      out_.emplace_back(speak::Over{});
    } else {
      out_.emplace_back(speak::WakeAt{end});
    }
  } else if (!ready_.empty()) {
    out_.emplace_back(speak::WakeAt{clock_.drained() - milliseconds(config_.send_ahead_ms) / 2});
  }
  return out_;
}

void Speaker::SpeakNext(Time now) {
  if (speaking_ || waiting_.empty()) return;
  if (!released_ && made_ > 0) return;  // one clause is enough of a guess
  const int64_t ahead = made_ - clock_.Played(now);
  if (clock_.ToDuration(ahead) >= milliseconds(config_.speak_ahead_ms)) return;
  Clause clause = std::move(waiting_.front());
  waiting_.pop_front();
  const ClauseId id = next_clause_;
  next_clause_ = next_clause_.Next();
  speaking_ = id;
  at_sentence_end_ = clause.ends_sentence;
  clause_first_sample_ = made_;
  clause_char_begin_ = clause.begin;
  ledger_.AddClause(id, clause.begin, clause.end);
  Tell(std::string(clause.text.view()), clause.begin);
  out_.emplace_back(speak::Synthesize{id, std::move(clause.text)});
}

void Speaker::Tell(std::string text, size_t begin) {
  speak::Say say{std::move(text), begin};
  if (released_) {
    out_.emplace_back(std::move(say));
  } else {
    unsaid_.push_back(std::move(say));
  }
}

void Speaker::SendDue(Time now) {
  const Duration room = milliseconds(config_.send_ahead_ms) - clock_.Ahead(now);
  const auto due = static_cast<size_t>(std::max<int64_t>(0, clock_.ToSamples(room)));
  const size_t count = std::min(due, ready_.size());
  if (count == 0) return;
  const auto end = ready_.begin() + static_cast<int64_t>(count);
  const bool ran_dry = clock_.sent() > 0 && now > clock_.drained();
  speak::Send send{std::vector<float>(ready_.begin(), end), clock_.sent(), ran_dry};
  ready_.erase(ready_.begin(), end);
  Lower(send.samples);
  clock_.Sent(now, static_cast<int64_t>(count));
  ledger_.Sent(clock_.sent());
  out_.emplace_back(std::move(send));
}

void Speaker::Lower(std::vector<float>& samples) {
  const float target = lowered_ ? duck_gain() : 1.0F;
  const float step = 1.0F / static_cast<float>(clock_.ToSamples(kRamp));
  for (float& sample : samples) {
    gain_ += std::clamp(target - gain_, -step, step);
    sample *= gain_;
  }
}

bool Speaker::AllSent() const {
  return text_ended_ && !speaking_ && waiting_.empty() && ready_.empty();
}

}  // namespace parley::realtime

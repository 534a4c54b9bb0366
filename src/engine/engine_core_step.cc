// The steps: who runs, whose pages go to whom, and what becomes of the logits.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>

#include "common/check.h"
#include "engine/engine_core.h"

namespace parley::engine {
namespace {

constexpr int kFailuresToBreak = 3;

// Shares of decoder steps and audio slices while both wait, by urgency; a step's price in turns.
int64_t PassCost(Urgency urgency) {
  constexpr int64_t kCost[] = {3, 4, 8, 16, 24, 48};  // first words … housekeeping
  return kCost[static_cast<size_t>(urgency)];
}

}  // namespace

bool EngineCore::DecoderHasWork() const {
  return std::ranges::any_of(sequences_, [](const auto& s) { return s.second.wanted() > 0; });
}

bool EngineCore::idle() const { return !DecoderHasWork() && !audio_.urgency(); }

StepReport EngineCore::Step(Time now, Notices& notices) {
  StepReport report;
  EndPassedDeadlines(now, notices);
  Plan();
  const std::optional<Urgency> audio = audio_.urgency();
  if (entries_.empty() && !audio) return report;

  bool decode = !entries_.empty();
  if (entries_.empty() || !audio) {
    decoder_pass_ = audio_pass_ = 0;  // nobody waits: nobody is owed anything
  } else {
    Urgency most = Urgency::kHousekeeping;
    for (const StepEntry& entry : entries_) most = std::min(most, entry.urgency);
    decode = decoder_pass_ < audio_pass_ || (decoder_pass_ == audio_pass_ && most <= *audio);
    (decode ? decoder_pass_ : audio_pass_) += PassCost(decode ? most : *audio);
  }
  if (decode) {
    RunDecoder(report, notices);
  } else {
    audio_.Advance(report, notices);
    if (const Status polled = parts_.backend->Poll(); !polled.has_value()) {
      audio_.FailLast(polled.error(), notices);
      NoteFailure(polled.error(), notices);
    } else {
      failures_ = 0;
    }
  }
  return report;
}

void EngineCore::EndPassedDeadlines(Time now, Notices& notices) {
  for (auto& [id, sequence] : sequences_) {
    if (sequence.stream && sequence.stream->options.deadline &&
        now >= *sequence.stream->options.deadline) {
      EndStream(sequence, EndReason::kDeadline, notices);
    }
  }
}

void EngineCore::Plan() {
  entries_.clear();
  for (auto& [id, sequence] : sequences_) {
    const Position wanted = sequence.wanted();
    if (wanted == 0) continue;
    entries_.push_back({.sequence = &sequence,
                        .urgency = sequence.work_urgency(),
                        .wanted = static_cast<int32_t>(wanted),
                        .samples = sequence.stream != nullptr,
                        .waited = sequence.waited,
                        .served = sequence.served,
                        .id = id});
  }
  PlanStep(entries_, {.rows = config_.step_rows,
                      .logit_rows = config_.branches,
                      .mixed_rows = config_.mixed_rows,
                      .background_rows = config_.background_rows});
}

void EngineCore::RunDecoder(StepReport& report, Notices& notices) {
  ++step_;
  const int64_t copies = cache_->copies();
  for (StepEntry& entry : entries_) {
    if (entry.rows > 0) GrantPages(entry, notices);
  }
  batch_.Clear();
  int32_t spare_rows = config_.step_rows;
  int32_t spare_logits = config_.branches;
  for (const StepEntry& entry : entries_) {
    spare_rows -= entry.rows;
    spare_logits -= entry.logits ? 1 : 0;
  }
  for (StepEntry& entry : entries_) {
    if (entry.sequence->lost) entry.rows = 0;  // a later, more urgent entry took its pages
    Draft(entry, spare_rows, spare_logits);
    entry.logit_row = -1;
    if (entry.rows == 0) {
      ++entry.sequence->waited;
      continue;
    }
    const int32_t logits = entry.logits ? (entry.decodes() ? entry.rows : 1) : 0;
    entry.logit_row = batch_.Add(*entry.sequence, entry.rows, logits);
    report.logit_rows += logits;
    (entry.decodes() ? report.decode_rows : report.prefill_rows) += entry.rows;
  }
  report.context = batch_.context();
  report.pages_copied = static_cast<int32_t>(cache_->copies() - copies);
  if (batch_.rows() == 0) return;
  batch_.Run(cache_->pool());
  SampleOnDevice();
  Undraft();
  if (DeviceFailed(report, notices)) return;
  for (const StepEntry& entry : entries_) {
    if (entry.rows > 0) Advance(entry, notices);
  }
}

// A device that can draws all tokens of the step at once, and only those come to the host.
void EngineCore::SampleOnDevice() {
  sampled_ = {};
  if (!batch_.samples()) return;
  requests_.clear();
  for (const StepEntry& entry : entries_) {
    if (entry.logit_row < 0) continue;
    PARLEY_CHECK(entry.logit_row == static_cast<int32_t>(requests_.size()), "rows in their order");
    SequenceState& sequence = *entry.sequence;
    const std::span<const TokenId> ids = sequence.ids;
    for (size_t guessed = sequence.stream->draft.size() + 1; guessed-- > 0;) {
      requests_.push_back(sequence.stream->sampler.Request(ids.first(ids.size() - guessed)));
    }
  }
  if (!requests_.empty()) sampled_ = batch_.Sample(requests_);
}

// Pages for the entry's rows, at others' expense if need be; fewer rows, or its failure, when there are none.
void EngineCore::GrantPages(StepEntry& entry, Notices& notices) {
  SequenceState& sequence = *entry.sequence;
  if (sequence.lost) return;
  for (;;) {
    PagePool::Refusal refusal = PagePool::Refusal::kNone;
    const int32_t rows = cache_->MakeWritable(sequence, entry.rows, refusal);
    if (refusal == PagePool::Refusal::kNone) return;
    if (refusal == PagePool::Refusal::kNoFreePage && Evict(sequence, notices)) continue;
    entry.logits = false;
    entry.rows = rows;
    if (rows > 0) return;
    ++stats_.refused;
    const PagePool& pages = cache_->pages();
    FailWork(sequence,
             Fail(Code::kExhausted, "no page is left for another " +
                                        std::to_string(kernels::kPageTokens) +
                                        " positions: " + std::to_string(pages.used()) + " of " +
                                        std::to_string(pages.total()) + " are in use, " +
                                        std::to_string(admission_.promised()) +
                                        " are promised; raise engine.kv_mb or reserve more"),
             notices);
    return;
  }
}

// The branch of the lowest urgency, the youngest of them, loses its pages. False: nobody may be stopped for this.
bool EngineCore::Evict(const SequenceState& wanting, Notices& notices) {
  SequenceState* victim = nullptr;
  for (auto& [id, sequence] : sequences_) {
    if (&sequence == &wanting || sequence.lost || !cache_->HoldsSoftPages(sequence)) continue;
    if (!wanting.firm && sequence.urgency <= wanting.urgency) continue;
    if (victim == nullptr || sequence.urgency >= victim->urgency) victim = &sequence;
  }
  if (victim == nullptr) return false;
  ++stats_.evicted;
  const Error why = Fail(Code::kExhausted, "its pages were needed by something more urgent");
  FailWork(*victim, why, notices);
  cache_->Release(*victim);
  victim->lost = why;
  return true;
}

// Guesses for a branch that decodes: in the page that its row has anyway, so that a guess takes nobody's page, and in
// rows and logits that nobody else uses in this step. Until Undraft they stand among the sequence's ids.
void EngineCore::Draft(StepEntry& entry, int32_t& spare_rows, int32_t& spare_logits) {
  if (entry.rows == 0 || !entry.logits || !entry.decodes()) return;
  SequenceState& sequence = *entry.sequence;
  StreamState& stream = *sequence.stream;
  stream.draft.clear();
  const Position length = sequence.length();
  const auto in_page =
      static_cast<int32_t>(kernels::kPageTokens - 1 - (length - 1) % kernels::kPageTokens);
  const int32_t most = std::min({config_.draft_tokens, in_page, spare_rows, spare_logits,
                                 stream.options.max_tokens - stream.sampled - 1,
                                 static_cast<int32_t>(max_positions_ - length)});
  if (most <= 0) return;
  LookUpDraft(sequence.ids, most, stream.draft);
  const auto guessed = static_cast<int32_t>(stream.draft.size());
  sequence.ids.insert(sequence.ids.end(), stream.draft.begin(), stream.draft.end());
  entry.rows += guessed;
  spare_rows -= guessed;
  spare_logits -= guessed;
  drafts_.steps += guessed > 0 ? 1 : 0;
  drafts_.guessed += guessed;
}

void EngineCore::Undraft() {
  for (const StepEntry& entry : entries_) {
    if (entry.logit_row < 0) continue;
    SequenceState& sequence = *entry.sequence;
    sequence.ids.resize(sequence.ids.size() - sequence.stream->draft.size());
  }
}

void EngineCore::Advance(const StepEntry& entry, Notices& notices) {
  SequenceState& sequence = *entry.sequence;
  const int32_t guessed =
      entry.logit_row < 0 ? 0 : static_cast<int32_t>(sequence.stream->draft.size());
  sequence.computed += entry.rows - guessed;
  sequence.served = step_;
  sequence.waited = 0;
  CompleteAppends(sequence, notices);
  if (entry.logit_row < 0) return;
  // The token behind the last firm row; and as long as a guess stands, its row stands, and the token behind that.
  for (int32_t i = 0;; ++i) {
    const int32_t row = entry.logit_row + i;
    TokenId id = sampled_.empty()
                     ? sequence.stream->sampler.Sample(batch_.Logits(row), sequence.ids)
                     : sampled_[static_cast<size_t>(row)];
    const bool stands =
        i < guessed && Stands(sequence, sequence.stream->draft[static_cast<size_t>(i)], id, row);
    TakeToken(sequence, id, notices);
    if (!stands || !sequence.stream) return;
    ++sequence.computed;
    ++drafts_.stood;
  }
}

bool EngineCore::Stands(const SequenceState& sequence, TokenId guess, TokenId& drawn,
                        int32_t logit_row) {
  if (guess == drawn) return true;
  if (!sampled_.empty()) return false;  // the logits stayed on the device
  const GenerateOptions& options = sequence.stream->options;
  if (!StandsRelaxed(guess, drawn, batch_.Logits(logit_row), config_.draft_margin, options.urgency,
                     options.sampler)) {
    return false;
  }
  drawn = guess;
  ++drafts_.relaxed;
  return true;
}

void EngineCore::TakeToken(SequenceState& sequence, TokenId id, Notices& notices) {
  StreamState& stream = *sequence.stream;
  if (std::ranges::count(stream.options.stop_ids, id) > 0) {
    Report(sequence, sequence.length(), notices);  // held back for a stop text that will not come
    return EndStream(sequence, EndReason::kStopToken, notices);
  }
  sequence.ids.push_back(id);
  ++stream.sampled;
  const StopMatcher::Outcome outcome = stream.matcher.Push(id);
  Report(sequence, stream.delivered + outcome.release, notices);
  if (outcome.matched) {
    return EndStream(sequence, EndReason::kStopText, notices, std::string(outcome.text));
  }
  const bool full = sequence.length() == max_positions_;
  if (stream.sampled < stream.options.max_tokens && !full) return;
  Report(sequence, sequence.length(), notices);
  if (stream.sampled >= stream.options.max_tokens) {
    return EndStream(sequence, EndReason::kBudget, notices);
  }
  EndStream(sequence, EndReason::kFailed, notices, {},
            Fail(Code::kExhausted, "the sequence holds " + std::to_string(max_positions_) +
                                       " positions, all that this model and pool take"));
}

void EngineCore::Report(SequenceState& sequence, Position up_to, Notices& notices) {
  StreamState& stream = *sequence.stream;
  while (stream.delivered < up_to) {
    const TokenId id = sequence.ids[static_cast<size_t>(stream.delivered)];
    notices.push_back(TokenNotice{stream.sink, stream.id, id, ++stream.delivered});
  }
}

// Rows of a failed step are not counted as computed, so a sequence is as it was before; whoever waited is told.
bool EngineCore::DeviceFailed(StepReport& report, Notices& notices) {
  const Status polled = parts_.backend->Poll();
  if (polled.has_value()) {
    failures_ = 0;
    return false;
  }
  const Error why = Context(
      "the device failed in a step of " + std::to_string(batch_.rows()) + " rows", polled.error());
  for (const StepEntry& entry : entries_) {
    if (entry.rows > 0) FailWork(*entry.sequence, why, notices);
  }
  report.logit_rows = 0;
  NoteFailure(why, notices);
  return true;
}

// A step may fail and the next one succeed. But a device that has lost its memory fails at everything: it is asked at
// once, so that talks that want nothing now learn of it now.
void EngineCore::NoteFailure(const Error& why, Notices& notices) {
  ++failures_;
  while (failures_ < kFailuresToBreak && !DeviceAnswers()) ++failures_;
  if (failures_ < kFailuresToBreak || broken_) return;
  broken_ = Context("the device failed " + std::to_string(failures_) +
                        " times in a row and was given up; restart parley",
                    why);
  admission_.Close();
  for (auto& [id, sequence] : sequences_) FailWork(sequence, *broken_, notices);
  for (auto& [talk, lost] : watchers_) notices.push_back(LostNotice{std::move(lost), *broken_});
  watchers_.clear();
}

bool EngineCore::DeviceAnswers() {
  float value = 0.0F;
  parts_.backend->Upload({&value, 1}, question_);
  parts_.backend->Download(question_, {&value, 1});
  return parts_.backend->Poll().has_value();
}

void EngineCore::Account(const StepReport& report, Duration spent) {
  if (!report.worked()) return;
  ++stats_.steps;
  stats_.decode_rows += report.decode_rows;
  stats_.prefill_rows += report.prefill_rows;
  stats_.encoder_slices += report.encoder_slices;
  stats_.transcriptions += report.transcriptions;
  stats_.transcribed_ms += report.transcribed_ms;
  if (report.prefill_rows > 0) {
    stats_.prefill_ms += Ms(spent);
  } else if (report.decode_rows > 0) {
    stats_.decode_ms += Ms(spent);
  } else {
    stats_.encode_ms += Ms(spent);
  }
}

}  // namespace parley::engine

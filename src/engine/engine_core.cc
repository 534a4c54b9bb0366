// The calls: what each does at once to its sequence, and whom it ends. The steps are in engine_core_step.cc.
// SPDX-License-Identifier: Apache-2.0
#include "engine/engine_core.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/check.h"
#include "engine/embeddings.h"

namespace parley::engine {
namespace {

kernels::KvGeometry CacheGeometry(const model::DecoderGeometry& g, KvType type) {
  return {.layers = g.layers,
          .kv_heads = g.kv_heads,
          .head_dim = g.head_dim,
          .dtype = type == KvType::kF32 ? kernels::DType::kF32 : kernels::DType::kBf16};
}

bool IsAnswer(Urgency urgency) {
  return urgency == Urgency::kFirstWords || urgency == Urgency::kSpeaking;
}

int32_t InputRows(const Input& input) {
  if (!input.tokens.empty() || !input.embeddings) return static_cast<int32_t>(input.tokens.size());
  return input.embeddings->rows().rows;
}

}  // namespace

Result<std::unique_ptr<EngineCore>> EngineCore::Make(const EngineParts& parts,
                                                     const EngineConfig& config) {
  PARLEY_CHECK(parts.backend != nullptr && parts.decoder != nullptr, "an engine needs a decoder");
  const kernels::KvGeometry geometry = CacheGeometry(parts.decoder->geometry(), config.kv_type);
  const int64_t bytes = static_cast<int64_t>(config.kv_mb) * 1024 * 1024;
  const int64_t pages =
      config.kv_pages > 0 ? config.kv_pages : bytes / static_cast<int64_t>(geometry.page_bytes());
  if (pages < 2) {
    return Fail(Code::kInvalidArgument, "engine.kv_mb = " + std::to_string(config.kv_mb) +
                                            " holds " + std::to_string(pages) + " pages of " +
                                            std::to_string(geometry.page_bytes()) +
                                            " bytes; at least 2 are needed: raise it");
  }
  std::unique_ptr<EngineCore> core(
      new EngineCore(parts, config, static_cast<int32_t>(std::min<int64_t>(pages, 1 << 24))));
  PARLEY_TRY(core->cache_, KvCache::Make(*parts.backend, geometry, core->admission_));
  return core;
}

EngineCore::EngineCore(const EngineParts& parts, const EngineConfig& config, int32_t pages)
    : parts_(parts),
      config_(config),
      geometry_(parts.decoder->geometry()),
      admission_(pages),
      audio_({.backend = parts.backend,
              .encoder = parts.encoder,
              .adaptor = parts.adaptor,
              .transcriber = parts.transcriber,
              .slices = parts.encoder_slices},
             config.transcriptions, config.waiting_jobs),
      batch_(*parts.backend, *parts.decoder, config.step_rows, config.branches,
             PagesFor(std::min<int64_t>(geometry_.max_positions,
                                        int64_t{pages} * kernels::kPageTokens))),
      max_positions_(
          std::min<int64_t>(geometry_.max_positions, int64_t{pages} * kernels::kPageTokens)) {
  entries_.reserve(256);
  question_ = parts.backend->Allocate(kernels::DType::kF32, 1, 1);
}

void EngineCore::Submit(Call call, Notices& notices) {
  std::visit([&](auto& c) { On(c, notices); }, call);
}

SequenceState& EngineCore::At(int64_t id) {
  const auto entry = sequences_.find(id);
  PARLEY_CHECK(entry != sequences_.end(), "call on a sequence that is not open");
  return entry->second;
}

void EngineCore::On(OpenCall& call, Notices&) {
  Talk& talk = talks_[call.sequence];
  talk.reserved = call.pages;
  talk.sequences = 1;
  talk.firm_sequences = 1;
  SequenceState& sequence = sequences_[call.sequence];
  sequence.id = call.sequence;
  sequence.talk_id = call.sequence;
  sequence.talk = &talk;
  sequence.firm = true;
}

void EngineCore::On(ForkCall& call, Notices&) {
  const SequenceState& parent = At(call.from);
  SequenceState& child = sequences_[call.sequence];
  child.id = call.sequence;
  child.talk_id = parent.talk_id;
  child.talk = parent.talk;
  ++child.talk->sequences;
  child.lost = parent.lost;
  if (child.lost) return;
  const Position reported = parent.stream ? parent.stream->delivered : parent.length();
  if (call.at > reported && parent.failed) {
    child.lost = Context("forked behind an append that failed", *parent.failed);
    return;
  }
  PARLEY_CHECK(call.at >= 0 && call.at <= reported, "fork beyond the sequence's reported length");
  child.ids.reserve(parent.ids.capacity());
  child.ids.assign(parent.ids.begin(), parent.ids.begin() + call.at);
  child.spans = parent.spans;
  child.TruncateIds(call.at);
  cache_->Fork(parent, call.at, child);
  ++stats_.forks;
}

void EngineCore::On(RollbackCall& call, Notices& notices) {
  SequenceState& sequence = At(call.sequence);
  if (sequence.stream) EndStream(sequence, EndReason::kSuperseded, notices);
  if (sequence.lost && call.to > 0) return;
  if (sequence.lost) {  // it holds nothing: what its caller wants of it too
    sequence.lost.reset();
    if (sequence.talk->firm_sequences == 0) KeepOneFirm(sequence.talk_id);
  }
  PARLEY_CHECK(call.to >= 0 && (call.to <= sequence.length() || sequence.failed),
               "rollback beyond the sequence's length");
  // Sent before its caller knew that some of what it keeps never came about: the failure stands, or the next Append
  // would go on from another position than the caller's.
  if (call.to > sequence.length()) return;
  const Position to = call.to;
  sequence.failed.reset();
  CancelAppends(sequence, to, Fail(Code::kCancelled, "rolled back"), notices);
  sequence.TruncateIds(to);
  cache_->Truncate(sequence, to);
  CompleteAppends(sequence, notices);
  ++stats_.rollbacks;
}

Status EngineCore::CheckAppend(const SequenceState& sequence, const Input& input) const {
  if (sequence.lost) return *sequence.lost;
  if (sequence.failed) return *sequence.failed;
  if (broken_) return *broken_;
  const Position after = sequence.length() + InputRows(input);
  if (after > max_positions_) {
    return Fail(Code::kExhausted, "the sequence would hold " + std::to_string(after) +
                                      " positions; this model and pool take " +
                                      std::to_string(max_positions_));
  }
  for (const TokenId id : input.tokens) {
    if (id < 0 || id >= geometry_.vocabulary) {
      return Fail(Code::kInvalidArgument, "token " + std::to_string(id) + " is not one of the " +
                                              std::to_string(geometry_.vocabulary) +
                                              " of the vocabulary");
    }
  }
  if (input.tokens.empty() && input.embeddings &&
      input.embeddings->rows().cols != geometry_.hidden) {
    return Fail(Code::kInvalidArgument,
                "embeddings of width " + std::to_string(input.embeddings->rows().cols) +
                    "; the decoder's is " + std::to_string(geometry_.hidden));
  }
  return {};
}

void EngineCore::On(AppendCall& call, Notices& notices) {
  SequenceState& sequence = At(call.sequence);
  if (sequence.stream) EndStream(sequence, EndReason::kSuperseded, notices);
  const Status fits = call.refused ? Status(*call.refused) : CheckAppend(sequence, call.input);
  if (!fits.has_value()) {
    sequence.failed = fits.error();
    ++stats_.refused;
    notices.push_back(DoneNotice{std::move(call.done), fits.error()});
    return;
  }
  Touch(sequence, call.urgency);
  const Position begin = sequence.length();
  const int32_t rows = InputRows(call.input);
  if (call.input.tokens.empty() && rows > 0) {
    sequence.spans.push_back({.begin = begin,
                              .rows = rows,
                              .first_row = 0,
                              .embeddings = std::move(call.input.embeddings)});
    sequence.ids.insert(sequence.ids.end(), static_cast<size_t>(rows), kEmbeddingRow);
  } else {
    sequence.ids.insert(sequence.ids.end(), call.input.tokens.begin(), call.input.tokens.end());
  }
  sequence.appends.push_back({.begin = begin,
                              .end = sequence.length(),
                              .urgency = call.urgency,
                              .done = std::move(call.done)});
  CompleteAppends(sequence, notices);
}

Status EngineCore::CheckGenerate(const SequenceState& sequence,
                                 const GenerateOptions& options) const {
  if (sequence.lost) return *sequence.lost;
  if (sequence.failed) return *sequence.failed;
  if (broken_) return *broken_;
  if (sequence.length() == 0) {
    return Fail(Code::kInvalidArgument, "nothing to go on from: the sequence is empty");
  }
  if (!options.stop_texts.empty() && parts_.tokenizer == nullptr) {
    return Fail(Code::kInvalidArgument, "stop texts need a tokenizer; this engine has none");
  }
  return {};
}

void EngineCore::On(GenerateCall& call, Notices& notices) {
  SequenceState& sequence = At(call.sequence);
  if (sequence.stream) EndStream(sequence, EndReason::kSuperseded, notices);
  const Status fits = call.refused ? Status(*call.refused) : CheckGenerate(sequence, call.options);
  if (!fits.has_value()) {
    ++stats_.refused;
    call.options.stop_texts.clear();
  }
  const Urgency urgency = call.options.urgency;
  sequence.stream = std::make_unique<StreamState>(call.stream, std::move(call.options),
                                                  std::move(call.sink), parts_.tokenizer);
  sequence.stream->delivered = sequence.length();
  sequence.stream->draft.reserve(static_cast<size_t>(config_.draft_tokens));
  streams_[call.stream] = &sequence;
  if (!fits.has_value()) return EndStream(sequence, EndReason::kFailed, notices, {}, fits.error());
  if (sequence.stream->options.max_tokens <= 0) {
    return EndStream(sequence, EndReason::kBudget, notices);
  }
  Touch(sequence, urgency);
  // What follows the last position is wanted: it is run (again, when it had been run before a fork or a rollback).
  sequence.computed = std::min(sequence.computed, sequence.length() - 1);
  const Position most =
      std::min(max_positions_, sequence.length() + sequence.stream->options.max_tokens);
  sequence.ids.reserve(static_cast<size_t>(most));
  sequence.pages.reserve(static_cast<size_t>(PagesFor(most)));
}

void EngineCore::On(StopCall& call, Notices& notices) {
  const auto entry = streams_.find(call.stream);
  if (entry != streams_.end()) EndStream(*entry->second, EndReason::kStopped, notices);
}

void EngineCore::On(SetUrgencyCall& call, Notices&) {
  const auto entry = streams_.find(call.stream);
  if (entry == streams_.end()) return;
  entry->second->stream->options.urgency = call.urgency;
  Touch(*entry->second, call.urgency);
}

void EngineCore::On(CloseCall& call, Notices& notices) {
  SequenceState& sequence = At(call.sequence);
  if (sequence.stream) EndStream(sequence, EndReason::kStopped, notices);
  CancelAppends(sequence, -1, Fail(Code::kCancelled, "the sequence was let go"), notices);
  cache_->Release(sequence);
  Talk& talk = *sequence.talk;
  const int64_t talk_id = sequence.talk_id;
  --talk.sequences;
  if (sequence.firm) --talk.firm_sequences;
  sequences_.erase(call.sequence);
  if (talk.sequences == 0) {
    watchers_.erase(talk_id);
    cache_->pages().CloseTalk(talk);
    talks_.erase(talk_id);
  } else if (talk.firm_sequences == 0) {
    KeepOneFirm(talk_id);
  }
}

void EngineCore::On(WatchCall& call, Notices& notices) {
  if (broken_) {
    notices.push_back(LostNotice{std::move(call.lost), *broken_});
  } else {
    watchers_[At(call.sequence).talk_id] = std::move(call.lost);
  }
}

// Adopting a branch lets the old trunk go: the oldest branch that is left stands in for it.
void EngineCore::KeepOneFirm(int64_t talk_id) {
  for (auto& [id, sequence] : sequences_) {
    if (sequence.talk_id != talk_id || sequence.lost) continue;
    if (!cache_->pages().MakeFirm(*sequence.talk, sequence.pages)) return;
    sequence.firm = true;
    ++sequence.talk->firm_sequences;
    return;
  }
}

void EngineCore::On(EncodeCall& call, Notices& notices) {
  if (call.refused || broken_) {
    ++stats_.refused;
    notices.push_back(
        EncodedNotice{std::move(call.encoded), call.refused ? *call.refused : *broken_});
    return;
  }
  audio_.Encode(std::move(call), notices);
}

void EngineCore::On(TranscribeCall& call, Notices& notices) {
  if (call.refused || broken_) {
    ++stats_.refused;
    notices.push_back(
        TranscribedNotice{std::move(call.transcribed), call.refused ? *call.refused : *broken_});
    return;
  }
  audio_.Transcribe(std::move(call), notices);
}

// A branch that answers becomes firm: what it holds is the talk's own.
void EngineCore::Touch(SequenceState& sequence, Urgency urgency) {
  sequence.urgency = urgency;
  if (sequence.firm || !IsAnswer(urgency)) return;
  if (!cache_->pages().MakeFirm(*sequence.talk, sequence.pages)) return;
  sequence.firm = true;
  ++sequence.talk->firm_sequences;
}

// What was sampled and not reported is forgotten, so that the length is what the caller was told.
void EngineCore::EndStream(SequenceState& sequence, EndReason reason, Notices& notices,
                           std::string text, Error error) {
  const std::unique_ptr<StreamState> stream = std::move(sequence.stream);
  streams_.erase(stream->id);
  if (reason == EndReason::kSuperseded) ++stats_.superseded;
  if (sequence.length() > stream->delivered) {
    sequence.TruncateIds(stream->delivered);
    cache_->Truncate(sequence, stream->delivered);
  }
  notices.push_back(EndedNotice{stream->sink, stream->id,
                                Ended{.reason = reason,
                                      .position = sequence.length(),
                                      .text = std::move(text),
                                      .error = std::move(error)}});
}

void EngineCore::CancelAppends(SequenceState& sequence, Position beyond, const Error& why,
                               Notices& notices) {
  for (PendingAppend& append : sequence.appends) {
    if (append.end > beyond) notices.push_back(DoneNotice{std::move(append.done), why});
  }
  std::erase_if(sequence.appends, [beyond](const PendingAppend& a) { return a.end > beyond; });
}

// Whoever waits for rows of it is told; appends that did not come about leave no positions.
void EngineCore::FailWork(SequenceState& sequence, const Error& why, Notices& notices) {
  if (sequence.stream) EndStream(sequence, EndReason::kFailed, notices, {}, why);
  if (sequence.appends.empty()) return;
  const Position begin = sequence.appends.front().begin;
  CancelAppends(sequence, -1, why, notices);
  sequence.failed = why;
  sequence.TruncateIds(begin);
  cache_->Truncate(sequence, begin);
}

void EngineCore::CompleteAppends(SequenceState& sequence, Notices& notices) {
  while (!sequence.appends.empty() && sequence.computed >= sequence.appends.front().end - 1) {
    PendingAppend& append = sequence.appends.front();
    notices.push_back(DoneNotice{std::move(append.done), append.end});
    sequence.appends.erase(sequence.appends.begin());
  }
}

EngineStats EngineCore::stats() const {
  EngineStats stats = stats_;
  stats.pages_total = cache_->pages().total();
  stats.pages_used = cache_->pages().used();
  stats.pages_peak = cache_->pages().peak();
  stats.pages_copied = cache_->copies();
  stats.sequences = static_cast<int64_t>(sequences_.size());
  stats.streams = static_cast<int64_t>(streams_.size());
  stats.transcriptions_superseded = audio_.superseded();
  stats.refused += audio_.refused();
  return stats;
}

}  // namespace parley::engine

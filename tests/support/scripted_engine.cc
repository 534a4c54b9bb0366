// SPDX-License-Identifier: Apache-2.0
#include "support/scripted_engine.h"

#include <algorithm>
#include <iterator>

#include "common/check.h"

namespace parley::test {

std::vector<EngineCall> ScriptedEngine::CallsOf(EngineCall::Kind kind) const {
  std::vector<EngineCall> some;
  for (const EngineCall& call : calls_) {
    if (call.kind == kind) some.push_back(call);
  }
  return some;
}

Result<engine::Sequence> ScriptedEngine::Open(engine::Position reserve) {
  if (reserved_ + reserve > script_.capacity) {
    ++stats_.refused;
    return Fail(Code::kExhausted, "the scripted engine is at capacity");
  }
  reserved_ += reserve;
  const int64_t id = next_id_++;
  sequences_[id].reserve = reserve;
  Record({.kind = EngineCall::Kind::kOpen, .sequence = id, .position = reserve});
  return engine::Sequence(id, owner_);
}

engine::Sequence ScriptedEngine::Fork(const engine::Sequence& from, engine::Position at) {
  const SequenceState& parent = At(from.id());
  const bool came_about = at <= Length(parent);
  PARLEY_CHECK(at >= 0 && (came_about || parent.broken()),
               "fork beyond the length of the sequence");
  const int64_t id = next_id_++;
  SequenceState& child = sequences_[id];
  child.lost = parent.lost;
  if (!came_about) child.lost = parent.broken();
  if (!child.lost) {
    child.ids.assign(parent.ids.begin(), parent.ids.begin() + at);
    ++stats_.forks;
  }
  Record({.kind = EngineCall::Kind::kFork, .sequence = id, .from = from.id(), .position = at});
  return engine::Sequence(id, owner_);
}

void ScriptedEngine::Rollback(const engine::Sequence& sequence, engine::Position to) {
  SequenceState& state = At(sequence.id());
  Record({.kind = EngineCall::Kind::kRollback, .sequence = sequence.id(), .position = to});
  Supersede(sequence.id());
  PARLEY_CHECK(to >= 0 && (to <= Length(state) || state.broken()),
               "rollback beyond the length of the sequence");
  if (to > Length(state) || (state.lost && to > 0)) return;
  state.failed.reset();
  state.lost.reset();
  for (Job& job : jobs_) {
    if (job.sequence == sequence.id() && job.position > to) {
      PostDone(std::exchange(job.done, nullptr), Fail(Code::kCancelled, "rolled back"));
    }
  }
  std::erase_if(jobs_, [](const Job& job) { return !job.done; });
  state.ids.resize(static_cast<size_t>(to));
  ++stats_.rollbacks;
}

void ScriptedEngine::Append(const engine::Sequence& sequence, engine::Input input,
                            engine::Urgency urgency, engine::Done done) {
  SequenceState& state = At(sequence.id());
  Supersede(sequence.id());
  if (!state.broken() && failure_) state.failed = std::exchange(failure_, std::nullopt);
  if (state.broken()) {
    Record({.kind = EngineCall::Kind::kAppend, .sequence = sequence.id()});
    return PostDone(std::move(done), *state.broken());
  }
  std::vector<TokenId> ids = std::move(input.tokens);
  if (ids.empty() && input.embeddings) ids.assign(kScriptedEmbeddingRows, -1);
  state.ids.insert(state.ids.end(), ids.begin(), ids.end());
  const auto rows = static_cast<int64_t>(ids.size());
  Record({.kind = EngineCall::Kind::kAppend,
          .sequence = sequence.id(),
          .position = Length(state),
          .ids = std::move(ids),
          .urgency = urgency});
  jobs_.push_back({sequence.id(), Length(state), rows, std::move(done)});
  Wake();
}

void ScriptedEngine::Encode(PcmView sound, engine::Urgency urgency, engine::Encoded encoded) {
  Record({.kind = EngineCall::Kind::kEncode,
          .urgency = urgency,
          .samples = static_cast<int64_t>(sound.size())});
  ++stats_.encoder_slices;
  executor_.At(executor_.Now() + script_.encode, [encoded = std::move(encoded)] {
    encoded(std::shared_ptr<const engine::Embeddings>());  // no device: rows are counted, not held
  });
}

void ScriptedEngine::Transcribe(engine::TranscribeLane lane, PcmView sound,
                                model::TranscribeOptions options, engine::Urgency urgency,
                                engine::Transcribed transcribed) {
  Record({.kind = EngineCall::Kind::kTranscribe,
          .urgency = urgency,
          .lane = lane,
          .samples = static_cast<int64_t>(sound.size())});
  LaneState& state = lanes_[lane];
  if (state.running) {
    ++stats_.transcriptions_superseded;
    executor_.Cancel(state.timer);
    executor_.Post([older = std::move(state.transcribed)] {
      older(Fail(Code::kCancelled, "superseded by a newer transcription"));
    });
  }
  const double seconds = static_cast<double>(sound.size()) / kSampleRateHz;
  const Duration cost = script_.transcribe +
                        Duration(static_cast<int64_t>(
                            seconds * static_cast<double>(script_.transcribe_per_second.count())));
  state.running = true;
  state.transcribed = std::move(transcribed);
  state.timer =
      executor_.At(executor_.Now() + cost, [this, lane, heard = script_.hear(sound, options)] {
        ++stats_.transcriptions;
        LaneState& done = lanes_[lane];
        done.running = false;
        std::exchange(done.transcribed, nullptr)(heard);
      });
}

engine::Stream ScriptedEngine::Generate(const engine::Sequence& sequence,
                                        engine::GenerateOptions options,
                                        std::shared_ptr<engine::TokenSink> sink) {
  Supersede(sequence.id());
  const engine::Stream id{next_stream_++};
  Record({.kind = EngineCall::Kind::kGenerate,
          .sequence = sequence.id(),
          .position = Length(At(sequence.id())),
          .stream = id,
          .urgency = options.urgency});
  const model::Tokenizer* tokenizer = script_.tokenizer;
  StreamState stream{.sequence = sequence.id(),
                     .sink = std::move(sink),
                     .matcher = engine::StopMatcher(options.stop_texts, tokenizer)};
  stream.options = std::move(options);
  const auto entry = streams_.emplace(id, std::move(stream)).first;
  if (const std::optional<Error> broken = At(sequence.id()).broken()) {
    End(entry, engine::EndReason::kFailed, {}, *broken);
  } else if (failure_) {
    End(entry, engine::EndReason::kFailed, {}, *std::exchange(failure_, std::nullopt));
  } else {
    Wake();
  }
  return id;
}

void ScriptedEngine::Stop(engine::Stream stream) {
  Record({.kind = EngineCall::Kind::kStop, .stream = stream});
  if (const auto entry = streams_.find(stream); entry != streams_.end()) {
    End(entry, engine::EndReason::kStopped);
  }
}

void ScriptedEngine::SetUrgency(engine::Stream stream, engine::Urgency urgency) {
  Record({.kind = EngineCall::Kind::kSetUrgency, .stream = stream, .urgency = urgency});
  if (const auto entry = streams_.find(stream); entry != streams_.end()) {
    entry->second.options.urgency = urgency;
  }
}

engine::EngineStats ScriptedEngine::stats() const {
  engine::EngineStats stats = stats_;
  stats.sequences = static_cast<int64_t>(sequences_.size());
  stats.streams = static_cast<int64_t>(streams_.size());
  return stats;
}

void ScriptedEngine::Record(EngineCall call) {
  call.at = executor_.Now();
  calls_.push_back(std::move(call));
}

void ScriptedEngine::PostDone(engine::Done done, Result<engine::Position> result) {
  executor_.Post([done = std::move(done), result = std::move(result)] {
    if (done) done(result);
  });
}

void ScriptedEngine::Close(int64_t id) {
  Record({.kind = EngineCall::Kind::kClose, .sequence = id});
  Supersede(id);
  for (Job& job : jobs_) {
    if (job.sequence == id) {
      PostDone(std::exchange(job.done, nullptr), Fail(Code::kCancelled, "the sequence was let go"));
    }
  }
  std::erase_if(jobs_, [](const Job& job) { return !job.done; });
  reserved_ -= At(id).reserve;
  sequences_.erase(id);
}

void ScriptedEngine::Supersede(int64_t sequence) {
  for (auto entry = streams_.begin(); entry != streams_.end(); ++entry) {
    if (entry->second.sequence != sequence) continue;
    ++stats_.superseded;
    End(entry, engine::EndReason::kSuperseded);
    return;
  }
}

void ScriptedEngine::End(StreamEntry entry, engine::EndReason reason, std::string text,
                         Error error) {
  engine::Ended ended{.reason = reason,
                      .position = Length(At(entry->second.sequence)),
                      .text = std::move(text),
                      .error = std::move(error)};
  executor_.Post([id = entry->first, sink = entry->second.sink, ended = std::move(ended)] {
    sink->OnEnded(id, ended);
  });
  streams_.erase(entry);
}

void ScriptedEngine::Wake() {
  if (stepping_ || (jobs_.empty() && streams_.empty())) return;
  stepping_ = true;
  executor_.Post([this] { BeginStep(); });
}

void ScriptedEngine::BeginStep() {
  int64_t rows = 0;
  for (const Job& job : jobs_) rows += job.rows;
  const size_t taken = jobs_.size();
  std::set<engine::Stream> decoding;
  for (const auto& [id, stream] : streams_) decoding.insert(id);
  executor_.At(executor_.Now() + script_.step + rows * script_.prefill_row,
               [this, taken, decoding = std::move(decoding)] { EndStep(taken, decoding); });
}

void ScriptedEngine::EndStep(size_t taken, const std::set<engine::Stream>& decoding) {
  ++stats_.steps;
  taken = std::min(taken, jobs_.size());
  std::vector<Job> finished(std::make_move_iterator(jobs_.begin()),
                            std::make_move_iterator(jobs_.begin() + static_cast<int64_t>(taken)));
  jobs_.erase(jobs_.begin(), jobs_.begin() + static_cast<int64_t>(taken));
  for (Job& job : finished) {
    stats_.prefill_rows += job.rows;
    PostDone(std::move(job.done), job.position);
  }
  for (const engine::Stream id : decoding) {
    if (const auto entry = streams_.find(id); entry != streams_.end()) DecodeOne(entry);
  }
  stepping_ = false;
  Wake();
}

void ScriptedEngine::DecodeOne(StreamEntry entry) {
  StreamState& stream = entry->second;
  SequenceState& sequence = At(stream.sequence);
  if (stream.options.deadline && executor_.Now() > *stream.options.deadline) {
    return End(entry, engine::EndReason::kDeadline);
  }
  if (!std::exchange(stream.begun, true)) stream.says = script_.say(sequence.ids, stream.options);
  if (stream.next == stream.says.size()) return End(entry, engine::EndReason::kStopToken);
  const TokenId id = stream.says[stream.next++];
  ++stats_.decode_rows;
  if (std::ranges::count(stream.options.stop_ids, id) > 0) {
    Deliver(entry, static_cast<int>(stream.held.size()));
    return End(entry, engine::EndReason::kStopToken);
  }
  stream.held.push_back(id);
  const engine::StopMatcher::Outcome outcome = stream.matcher.Push(id);
  std::string text(outcome.text);
  Deliver(entry, outcome.release);
  if (outcome.matched) return End(entry, engine::EndReason::kStopText, std::move(text));
  if (stream.delivered + static_cast<int32_t>(stream.held.size()) >= stream.options.max_tokens) {
    Deliver(entry, static_cast<int>(stream.held.size()));
    End(entry, engine::EndReason::kBudget);
  }
}

void ScriptedEngine::Deliver(StreamEntry entry, int count) {
  StreamState& stream = entry->second;
  SequenceState& sequence = At(stream.sequence);
  for (int i = 0; i < count; ++i) {
    const TokenId id = stream.held[static_cast<size_t>(i)];
    sequence.ids.push_back(id);
    executor_.Post([stream_id = entry->first, sink = stream.sink, id, position = Length(sequence)] {
      sink->OnToken(stream_id, id, position);
    });
  }
  stream.held.erase(stream.held.begin(), stream.held.begin() + count);
  stream.delivered += count;
}

void ScriptedEngine::FailStreams(const Error& error) {
  while (!streams_.empty()) End(streams_.begin(), engine::EndReason::kFailed, {}, error);
}

}  // namespace parley::test

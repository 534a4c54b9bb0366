// An Engine that says what a test wrote: transcripts as a function of the sound, tokens as a function of the prompt,
// each with its own duration on the executor (simulated or real). Lengths, forks, rollbacks, superseded streams, stop
// ids, stop texts, budgets and deadlines behave as engine.h promises; there is no cache behind them.
// Thread:   one: the executor's. Completions are posted to it, never called inside a call.
// Memory:   keeps every id of every open sequence and every call ever made: tests only.
// Overload: Open refuses beyond Script::capacity, as the real engine does.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/check.h"
#include "engine/engine.h"
#include "engine/stop_matcher.h"
#include "realtime/executor.h"

namespace parley::test {

// What the scripted models do, and how long it takes.
struct Script {
  // Every id a stream samples, given the ids of its sequence at its beginning (embeddings count as id -1). A stop id
  // among them ends the stream; when they run out the stream ends as if a stop id had come.
  std::function<std::vector<TokenId>(std::span<const TokenId> prompt,
                                     const engine::GenerateOptions& options)>
      say = [](std::span<const TokenId>, const engine::GenerateOptions&) {
        return std::vector<TokenId>();
      };
  // The transcript of a sound; nothing is heard unless a test says so.
  std::function<model::Transcript(PcmView sound, const model::TranscribeOptions& options)> hear =
      [](PcmView, const model::TranscribeOptions&) { return model::Transcript(); };

  Duration step = milliseconds(8);          // one step: a token of every stream
  Duration prefill_row = Duration(1000);    // on top of it, for every appended position
  Duration transcribe = milliseconds(150);  // a transcription, and per second of sound on top
  Duration transcribe_per_second = milliseconds(20);
  Duration encode = milliseconds(20);
  const model::Tokenizer* tokenizer = nullptr;  // for stop texts
  engine::Position capacity = 1 << 16;          // positions that Open may reserve in sum
};

// One call, as the test sees it afterwards.
struct EngineCall {
  enum class Kind : uint8_t {
    kOpen,
    kFork,
    kRollback,
    kAppend,
    kEncode,
    kTranscribe,
    kGenerate,
    kStop,
    kSetUrgency,
    kClose
  };
  Kind kind = Kind::kOpen;
  Time at{};
  int64_t sequence = 0;  // on which; of kFork: the new one
  int64_t from = 0;      // kFork
  engine::Position position =
      0;  // kFork, kRollback; kOpen: the reservation; kAppend, kGenerate: length afterwards
  std::vector<TokenId> ids{};  // kAppend
  engine::Stream stream{};     // kGenerate, kStop, kSetUrgency
  engine::Urgency urgency = engine::Urgency::kHousekeeping;
  engine::TranscribeLane lane{};  // kTranscribe
  int64_t samples = 0;            // kTranscribe, kEncode
};

class ScriptedEngine final : public engine::Engine {
 public:
  ScriptedEngine(realtime::Executor& executor, Script script)
      : executor_(executor), script_(std::move(script)), owner_(std::make_shared<Owner>(this)) {}
  ~ScriptedEngine() override { owner_->engine = nullptr; }

  // ---- what tests look at -------------------------------------------------------------------------------------------
  Script& script() { return script_; }  // may be changed between calls
  const std::vector<EngineCall>& calls() const { return calls_; }
  std::vector<EngineCall> CallsOf(EngineCall::Kind kind) const {
    std::vector<EngineCall> some;
    for (const EngineCall& call : calls_) {
      if (call.kind == kind) some.push_back(call);
    }
    return some;
  }
  size_t open_sequences() const { return sequences_.size(); }
  size_t open_streams() const { return streams_.size(); }
  // The ids that a sequence holds now.
  const std::vector<TokenId>& Ids(const engine::Sequence& sequence) {
    return At(sequence.id()).ids;
  }
  // The next Append or Generate fails with this.
  void FailNext(Error error) { failure_ = std::move(error); }

  // ---- Engine -------------------------------------------------------------------------------------------------------
  Result<engine::Sequence> Open(engine::Position reserve) override {
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

  engine::Sequence Fork(const engine::Sequence& from, engine::Position at) override {
    const SequenceState& parent = At(from.id());
    PARLEY_CHECK(at >= 0 && at <= Length(parent), "fork beyond the length of the sequence");
    const int64_t id = next_id_++;
    sequences_[id].ids.assign(parent.ids.begin(), parent.ids.begin() + at);
    ++stats_.forks;
    Record({.kind = EngineCall::Kind::kFork, .sequence = id, .from = from.id(), .position = at});
    return engine::Sequence(id, owner_);
  }

  void Rollback(const engine::Sequence& sequence, engine::Position to) override {
    SequenceState& state = At(sequence.id());
    Record({.kind = EngineCall::Kind::kRollback, .sequence = sequence.id(), .position = to});
    Supersede(sequence.id());
    PARLEY_CHECK(to >= 0 && to <= Length(state), "rollback beyond the length of the sequence");
    for (Job& job : jobs_) {
      if (job.sequence == sequence.id() && job.position > to) {
        PostDone(std::exchange(job.done, nullptr), Fail(Code::kCancelled, "rolled back"));
      }
    }
    std::erase_if(jobs_, [](const Job& job) { return !job.done; });
    state.ids.resize(static_cast<size_t>(to));
    ++stats_.rollbacks;
  }

  void Append(const engine::Sequence& sequence, engine::Input input, engine::Urgency urgency,
              engine::Done done) override {
    SequenceState& state = At(sequence.id());
    Supersede(sequence.id());
    if (failure_) {
      Record({.kind = EngineCall::Kind::kAppend, .sequence = sequence.id()});
      PostDone(std::move(done), *std::exchange(failure_, std::nullopt));
      return;
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

  void Encode(PcmView sound, engine::Urgency urgency, engine::Encoded encoded) override {
    Record({.kind = EngineCall::Kind::kEncode,
            .urgency = urgency,
            .samples = static_cast<int64_t>(sound.size())});
    ++stats_.encoder_slices;
    executor_.At(executor_.Now() + script_.encode, [encoded = std::move(encoded)] {
      encoded(
          std::shared_ptr<const engine::Embeddings>());  // no device: rows are counted, not held
    });
  }

  void Transcribe(engine::TranscribeLane lane, PcmView sound, model::TranscribeOptions options,
                  engine::Urgency urgency, engine::Transcribed transcribed) override {
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
    const Duration cost =
        script_.transcribe +
        Duration(static_cast<int64_t>(seconds *
                                      static_cast<double>(script_.transcribe_per_second.count())));
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

  engine::Stream Generate(const engine::Sequence& sequence, engine::GenerateOptions options,
                          std::shared_ptr<engine::TokenSink> sink) override {
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
    if (failure_) {
      End(entry, engine::EndReason::kFailed, {}, *std::exchange(failure_, std::nullopt));
    } else {
      Wake();
    }
    return id;
  }

  void Stop(engine::Stream stream) override {
    Record({.kind = EngineCall::Kind::kStop, .stream = stream});
    if (const auto entry = streams_.find(stream); entry != streams_.end()) {
      End(entry, engine::EndReason::kStopped);
    }
  }

  void SetUrgency(engine::Stream stream, engine::Urgency urgency) override {
    Record({.kind = EngineCall::Kind::kSetUrgency, .stream = stream, .urgency = urgency});
    if (const auto entry = streams_.find(stream); entry != streams_.end()) {
      entry->second.options.urgency = urgency;
    }
  }

  engine::EngineStats stats() const override {
    engine::EngineStats stats = stats_;
    stats.sequences = static_cast<int64_t>(sequences_.size());
    stats.streams = static_cast<int64_t>(streams_.size());
    return stats;
  }

  static constexpr size_t kScriptedEmbeddingRows = 5;  // 0.4 s at 12.5 Hz

 private:
  struct SequenceState {
    std::vector<TokenId> ids;
    engine::Position reserve = 0;
  };
  struct StreamState {
    int64_t sequence = 0;
    std::shared_ptr<engine::TokenSink> sink{};
    engine::StopMatcher matcher;
    engine::GenerateOptions options{};
    bool begun = false;
    std::vector<TokenId> says{};  // what is left of it, from `next`
    size_t next = 0;
    std::vector<TokenId> held{};
    int32_t delivered = 0;
  };
  using StreamEntry = std::map<engine::Stream, StreamState>::iterator;
  struct Job {  // an Append that waits
    int64_t sequence = 0;
    engine::Position position = 0;
    int64_t rows = 0;
    engine::Done done;
  };
  struct LaneState {
    bool running = false;
    realtime::TimerId timer;
    engine::Transcribed transcribed;
  };
  struct Owner final : engine::internal::SequenceOwner {
    explicit Owner(ScriptedEngine* e) : engine(e) {}
    void Closed(int64_t id) override {
      if (engine != nullptr) engine->Close(id);
    }
    ScriptedEngine* engine;
  };

  static engine::Position Length(const SequenceState& state) {
    return static_cast<engine::Position>(state.ids.size());
  }
  SequenceState& At(int64_t id) {
    const auto entry = sequences_.find(id);
    PARLEY_CHECK(entry != sequences_.end(), "call on a sequence that is not open");
    return entry->second;
  }
  void Record(EngineCall call) {
    call.at = executor_.Now();
    calls_.push_back(std::move(call));
  }
  void PostDone(engine::Done done, Result<engine::Position> result) {
    executor_.Post([done = std::move(done), result = std::move(result)] {
      if (done) done(result);
    });
  }

  void Close(int64_t id) {
    Record({.kind = EngineCall::Kind::kClose, .sequence = id});
    Supersede(id);
    for (Job& job : jobs_) {
      if (job.sequence == id) {
        PostDone(std::exchange(job.done, nullptr),
                 Fail(Code::kCancelled, "the sequence was let go"));
      }
    }
    std::erase_if(jobs_, [](const Job& job) { return !job.done; });
    reserved_ -= At(id).reserve;
    sequences_.erase(id);
  }

  void Supersede(int64_t sequence) {
    for (auto entry = streams_.begin(); entry != streams_.end(); ++entry) {
      if (entry->second.sequence != sequence) continue;
      ++stats_.superseded;
      End(entry, engine::EndReason::kSuperseded);
      return;
    }
  }

  void End(StreamEntry entry, engine::EndReason reason, std::string text = {}, Error error = {}) {
    engine::Ended ended{.reason = reason,
                        .position = Length(At(entry->second.sequence)),
                        .text = std::move(text),
                        .error = std::move(error)};
    executor_.Post([id = entry->first, sink = entry->second.sink, ended = std::move(ended)] {
      sink->OnEnded(id, ended);
    });
    streams_.erase(entry);
  }

  // One step at a time: it takes what waits when it begins, and tells of it when its time is over.
  void Wake() {
    if (stepping_ || (jobs_.empty() && streams_.empty())) return;
    stepping_ = true;
    executor_.Post([this] { BeginStep(); });
  }
  void BeginStep() {
    int64_t rows = 0;
    for (const Job& job : jobs_) rows += job.rows;
    const size_t taken = jobs_.size();
    std::set<engine::Stream> decoding;
    for (const auto& [id, stream] : streams_) decoding.insert(id);
    executor_.At(executor_.Now() + script_.step + rows * script_.prefill_row,
                 [this, taken, decoding = std::move(decoding)] { EndStep(taken, decoding); });
  }
  void EndStep(size_t taken, const std::set<engine::Stream>& decoding) {
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

  void DecodeOne(StreamEntry entry) {
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

  void Deliver(StreamEntry entry, int count) {
    StreamState& stream = entry->second;
    SequenceState& sequence = At(stream.sequence);
    for (int i = 0; i < count; ++i) {
      const TokenId id = stream.held[static_cast<size_t>(i)];
      sequence.ids.push_back(id);
      executor_.Post([stream_id = entry->first, sink = stream.sink, id,
                      position = Length(sequence)] { sink->OnToken(stream_id, id, position); });
    }
    stream.held.erase(stream.held.begin(), stream.held.begin() + count);
    stream.delivered += count;
  }

  realtime::Executor& executor_;
  Script script_;
  std::shared_ptr<Owner> owner_;
  std::vector<EngineCall> calls_;
  std::map<int64_t, SequenceState> sequences_;
  std::map<engine::Stream, StreamState> streams_;
  std::map<engine::TranscribeLane, LaneState> lanes_;
  std::vector<Job> jobs_;
  std::optional<Error> failure_;
  engine::EngineStats stats_;
  engine::Position reserved_ = 0;
  int64_t next_id_ = 1;
  int64_t next_stream_ = 1;
  bool stepping_ = false;
};

}  // namespace parley::test

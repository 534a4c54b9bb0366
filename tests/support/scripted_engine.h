// An Engine that says what a test wrote: transcripts as a function of the sound, tokens as a function of the prompt,
// each with its own duration on the executor (simulated or real). Lengths, forks, rollbacks, superseded streams, stop
// ids, stop texts, budgets, deadlines and what counts on a failed call behave as engine.h promises; there is no cache
// behind them.
// Thread:   one: the executor's. Completions are posted to it, never called inside a call.
// Memory:   keeps every id of every open sequence and every call ever made: tests only.
// Overload: Open refuses beyond Script::capacity, as the real engine does.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
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
  std::vector<EngineCall> CallsOf(EngineCall::Kind kind) const;
  size_t open_sequences() const { return sequences_.size(); }
  size_t open_streams() const { return streams_.size(); }
  // The ids that a sequence holds now.
  const std::vector<TokenId>& Ids(const engine::Sequence& sequence) {
    return At(sequence.id()).ids;
  }
  // The next Append or Generate fails with this; behind an Append, what counts on it fails too.
  void FailNext(Error error) { failure_ = std::move(error); }
  // So does every stream that is running.
  void FailStreams(const Error& error);

  // ---- Engine -------------------------------------------------------------------------------------------------------
  Result<engine::Sequence> Open(engine::Position reserve) override;
  engine::Sequence Fork(const engine::Sequence& from, engine::Position at) override;
  void Rollback(const engine::Sequence& sequence, engine::Position to) override;
  void Append(const engine::Sequence& sequence, engine::Input input, engine::Urgency urgency,
              engine::Done done) override;
  void Encode(PcmView sound, engine::Urgency urgency, engine::Encoded encoded) override;
  void Transcribe(engine::TranscribeLane lane, PcmView sound, model::TranscribeOptions options,
                  engine::Urgency urgency, engine::Transcribed transcribed) override;
  engine::Stream Generate(const engine::Sequence& sequence, engine::GenerateOptions options,
                          std::shared_ptr<engine::TokenSink> sink) override;
  void Stop(engine::Stream stream) override;
  void SetUrgency(engine::Stream stream, engine::Urgency urgency) override;
  engine::EngineStats stats() const override;

  static constexpr size_t kScriptedEmbeddingRows = 5;  // 0.4 s at 12.5 Hz

 private:
  struct SequenceState {
    std::vector<TokenId> ids;
    engine::Position reserve = 0;
    std::optional<Error> failed{};  // an Append; until a Rollback
    std::optional<Error> lost{};    // forked behind one that failed; until a Rollback to 0
    const std::optional<Error>& broken() const { return lost ? lost : failed; }
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
  void Record(EngineCall call);
  void PostDone(engine::Done done, Result<engine::Position> result);
  void Close(int64_t id);
  void Supersede(int64_t sequence);
  void End(StreamEntry entry, engine::EndReason reason, std::string text = {}, Error error = {});
  // One step at a time: it takes what waits when it begins, and tells of it when its time is over.
  void Wake();
  void BeginStep();
  void EndStep(size_t taken, const std::set<engine::Stream>& decoding);
  void DecodeOne(StreamEntry entry);
  void Deliver(StreamEntry entry, int count);

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

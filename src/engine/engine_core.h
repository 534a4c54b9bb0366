// The engine's heart, a step at a time: takes calls, plans a step, runs it, and leaves notices of what came of it. It
// knows no thread and no clock, so that a thread (LocalEngine) and a simulated clock (SimulatedEngine) drive the same.
// Thread:   one owner, its driver. Only admission() is safe from anywhere.
// Memory:   everything a decode step touches is allocated before it; page tables for captured graphs keep their
//           addresses.
// Overload: see engine.h; who is stopped for pages is decided here.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/result.h"
#include "engine/audio_work.h"
#include "engine/calls.h"
#include "engine/drafting.h"
#include "engine/engine_config.h"
#include "engine/kv_cache.h"
#include "engine/step_batch.h"
#include "engine/step_plan.h"
#include "engine/step_report.h"
#include "model/decoder.h"
#include "model/tokenizer.h"

namespace parley::engine {

// What the engine runs. Borrowed: must outlive it.
struct EngineParts {
  kernels::Backend* backend = nullptr;
  const model::Decoder* decoder = nullptr;
  const model::Tokenizer* tokenizer = nullptr;  // for stop texts; may be null
  const model::AudioEncoder* encoder = nullptr;
  model::Adaptor* adaptor = nullptr;
  const model::Transcriber* transcriber = nullptr;
  int32_t replica = 0;  // its number in a pool
  EncoderSlices encoder_slices{};
};

class EngineCore {
 public:
  static Result<std::unique_ptr<EngineCore>> Make(const EngineParts& parts,
                                                  const EngineConfig& config);

  Admission& admission() { return admission_; }
  // Pages that Open promises: one more than the positions need, for the page that a fork's first row copies.
  // More positions than any pool has are as many as no pool has.
  static int32_t PagesToReserve(Position reserve) {
    return PagesFor(std::min<Position>(reserve, 1 << 30)) + 1;
  }

  void Submit(Call call, Notices& notices);
  bool idle() const;  // no step would do anything
  // Ends what is past its deadline, then runs one decoder step or one slice of audio.
  StepReport Step(Time now, Notices& notices);
  // What the step cost, for stats(); the driver knows.
  void Account(const StepReport& report, Duration spent);
  EngineStats stats() const;
  const DraftStats& draft_stats() const { return drafts_; }

 private:
  EngineCore(const EngineParts& parts, const EngineConfig& config, int32_t pages);

  // calls (engine_core.cc)
  void On(OpenCall& call, Notices& notices);
  void On(ForkCall& call, Notices& notices);
  void On(RollbackCall& call, Notices& notices);
  void On(AppendCall& call, Notices& notices);
  void On(GenerateCall& call, Notices& notices);
  void On(StopCall& call, Notices& notices);
  void On(SetUrgencyCall& call, Notices& notices);
  void On(CloseCall& call, Notices& notices);
  void On(WatchCall& call, Notices& notices);
  void On(EncodeCall& call, Notices& notices);
  void On(TranscribeCall& call, Notices& notices);
  SequenceState& At(int64_t id);
  Status CheckAppend(const SequenceState& sequence, const Input& input) const;
  Status CheckGenerate(const SequenceState& sequence, const GenerateOptions& options) const;
  void Touch(SequenceState& sequence, Urgency urgency);
  void KeepOneFirm(int64_t talk_id);

  // ends (engine_core.cc)
  void EndStream(SequenceState& sequence, EndReason reason, Notices& notices, std::string text = {},
                 Error error = {});
  void CancelAppends(SequenceState& sequence, Position beyond, const Error& why, Notices& notices);
  void FailWork(SequenceState& sequence, const Error& why, Notices& notices);
  void CompleteAppends(SequenceState& sequence, Notices& notices);

  // steps (engine_core_step.cc)
  bool DecoderHasWork() const;
  void EndPassedDeadlines(Time now, Notices& notices);
  void RunDecoder(StepReport& report, Notices& notices);
  void Plan();
  void GrantPages(StepEntry& entry, Notices& notices);
  bool Evict(const SequenceState& wanting, Notices& notices);
  void Draft(StepEntry& entry, int32_t& spare_rows, int32_t& spare_logits);
  void Undraft();
  void Advance(const StepEntry& entry, Notices& notices);
  bool Stands(const SequenceState& sequence, TokenId guess, TokenId& drawn, int32_t logit_row);
  void SampleOnDevice();
  void TakeToken(SequenceState& sequence, TokenId id, Notices& notices);
  void Report(SequenceState& sequence, Position up_to, Notices& notices);
  bool DeviceFailed(StepReport& report, Notices& notices);
  void NoteFailure(const Error& why, Notices& notices);
  bool DeviceAnswers();

  EngineParts parts_;
  EngineConfig config_;
  model::DecoderGeometry geometry_;
  Admission admission_;
  std::unique_ptr<KvCache> cache_;
  AudioWork audio_;
  StepBatch batch_;
  Position max_positions_ = 0;

  std::map<int64_t, Talk> talks_;  // by the id of the sequence that was opened
  std::map<int64_t, SequenceState> sequences_;
  std::map<Stream, SequenceState*> streams_;
  std::map<int64_t, Lost> watchers_;  // by talk
  std::vector<StepEntry> entries_;    // of the step in hand
  std::vector<kernels::TokenRequest> requests_;
  std::span<const TokenId> sampled_;  // by the device, one a row of logits; empty: the host samples

  int64_t step_ = 0;
  int64_t decoder_pass_ = 0;  // who of decoder and audio runs next: the lower one
  int64_t audio_pass_ = 0;
  int failures_ = 0;             // steps and questions in a row that failed
  std::optional<Error> broken_;  // too many: everything is refused with this
  kernels::Tensor question_;     // one value: does the device still answer?
  EngineStats stats_;
  DraftStats drafts_;
};

}  // namespace parley::engine

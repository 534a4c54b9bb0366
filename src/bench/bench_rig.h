// An engine's core on the cpu backend, stepped and timed by a bench.
// Thread:   one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "bench/engine_bench.h"
#include "engine/engine_core.h"

namespace parley::bench {

struct TimedStep {
  engine::StepReport report;
  double us = 0;
};

class TokenCounter final : public engine::TokenSink {
 public:
  void OnToken(engine::Stream, TokenId id, engine::Position) override { tokens.push_back(id); }
  void OnEnded(engine::Stream, const engine::Ended&) override { ended = true; }
  std::vector<TokenId> tokens;
  bool ended = false;
};

class BenchRig {
 public:
  static Result<std::unique_ptr<BenchRig>> Make(const EngineBenchOptions& options, int threads);

  int64_t Open();
  int64_t Fork(int64_t from, engine::Position at);
  void Rollback(int64_t sequence, engine::Position to);
  void Close(int64_t sequence);
  void Append(int64_t sequence, std::vector<TokenId> ids, engine::Urgency urgency);
  std::shared_ptr<TokenCounter> Generate(int64_t sequence, int32_t tokens, engine::Urgency urgency);
  void Transcribe(std::vector<float> sound, model::TranscribeOptions options,
                  engine::Urgency urgency, engine::Transcribed transcribed);
  TimedStep Step();
  std::vector<TimedStep> RunToIdle();
  bool idle() const { return core_->idle(); }

  std::vector<TokenId> Prompt(int32_t tokens) const;  // the same every time
  double PageCopyUs();  // of one page of every layer, median; 0: no room for the pages
  kernels::Backend& backend() { return *backend_; }
  const model::Decoder& decoder() const { return *decoder_; }

 private:
  BenchRig() = default;
  void Submit(engine::Call call);

  std::unique_ptr<kernels::Backend> backend_;
  std::unique_ptr<model::Decoder> decoder_;
  std::unique_ptr<model::Transcriber> transcriber_;
  std::unique_ptr<engine::EngineCore> core_;
  engine::Notices notices_;
  int64_t next_ = 1;
};

double Percentile(std::vector<double> values, double p);

}  // namespace parley::bench

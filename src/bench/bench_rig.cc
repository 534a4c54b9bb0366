// SPDX-License-Identifier: Apache-2.0
#include "bench/bench_rig.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <utility>

#include "bench/random_weights.h"
#include "common/check.h"
#include "weights/low_rank_update.h"

namespace parley::bench {

using engine::Position;

Result<std::unique_ptr<BenchRig>> BenchRig::Make(const EngineBenchOptions& options, int threads) {
  std::unique_ptr<BenchRig> rig(new BenchRig());
  rig->backend_ = kernels::MakeCpuBackend({.threads = threads});
  if (options.model.empty()) {
    PARLEY_TRY(const RandomDecoder random, MakeRandomDecoder(options.geometry));
    PARLEY_TRY(rig->decoder_, model::Decoder::Load(*rig->backend_, *random.checkpoint));
  } else {
    PARLEY_TRY(const std::unique_ptr<weights::Checkpoint> checkpoint,
               options.updates.empty()
                   ? weights::Checkpoint::Open(options.model)
                   : weights::OpenUpdated(options.model, options.updates, options.merged));
    PARLEY_TRY(rig->decoder_, model::Decoder::Load(*rig->backend_, *checkpoint));
  }
  if (!options.transcriber.empty()) {
    PARLEY_TRY(rig->transcriber_, model::Transcriber::Load(*rig->backend_, options.transcriber));
  }
  PARLEY_TRY(rig->core_, engine::EngineCore::Make({.backend = rig->backend_.get(),
                                                   .decoder = rig->decoder_.get(),
                                                   .transcriber = rig->transcriber_.get()},
                                                  engine::EngineConfig{}));
  return rig;
}

void BenchRig::Submit(engine::Call call) {
  core_->Submit(std::move(call), notices_);
  Deliver(notices_);
}

int64_t BenchRig::Open() {
  const int32_t pages = engine::EngineCore::PagesToReserve(1024);
  PARLEY_CHECK(core_->admission().TryPromise(pages), "the bench's pool is too small");
  Submit(engine::OpenCall{.sequence = next_, .pages = pages});
  return next_++;
}

int64_t BenchRig::Fork(int64_t from, Position at) {
  Submit(engine::ForkCall{.from = from, .sequence = next_, .at = at});
  return next_++;
}

void BenchRig::Rollback(int64_t sequence, Position to) {
  Submit(engine::RollbackCall{.sequence = sequence, .to = to});
}

void BenchRig::Close(int64_t sequence) { Submit(engine::CloseCall{.sequence = sequence}); }

void BenchRig::Append(int64_t sequence, std::vector<TokenId> ids, engine::Urgency urgency) {
  Submit(engine::AppendCall{
      .sequence = sequence, .input = {.tokens = std::move(ids)}, .urgency = urgency});
}

std::shared_ptr<TokenCounter> BenchRig::Generate(int64_t sequence, int32_t tokens,
                                                 engine::Urgency urgency) {
  auto sink = std::make_shared<TokenCounter>();
  sink->tokens.reserve(static_cast<size_t>(tokens));
  engine::GenerateCall call{.sequence = sequence, .stream = {next_++}};
  call.options.max_tokens = tokens;
  call.options.urgency = urgency;
  call.sink = sink;
  Submit(std::move(call));
  return sink;
}

void BenchRig::Transcribe(std::vector<float> sound, model::TranscribeOptions options,
                          engine::Urgency urgency, engine::Transcribed transcribed) {
  Submit(engine::TranscribeCall{.lane = {1},
                                .sound = std::move(sound),
                                .options = std::move(options),
                                .urgency = urgency,
                                .transcribed = std::move(transcribed)});
}

TimedStep BenchRig::Step() {
  const auto begin = std::chrono::steady_clock::now();
  TimedStep step;
  step.report = core_->Step(Time(), notices_);
  step.us =
      std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
  Deliver(notices_);
  return step;
}

std::vector<TimedStep> BenchRig::RunToIdle() {
  std::vector<TimedStep> steps;
  while (!core_->idle()) steps.push_back(Step());
  return steps;
}

std::vector<TokenId> BenchRig::Prompt(int32_t tokens) const {
  std::mt19937 random(7);
  std::vector<TokenId> ids;
  ids.reserve(static_cast<size_t>(tokens));
  for (int32_t i = 0; i < tokens; ++i) {
    ids.push_back(
        static_cast<TokenId>(random() % static_cast<uint32_t>(decoder_->geometry().vocabulary)));
  }
  return ids;
}

double BenchRig::PageCopyUs() {
  const model::DecoderGeometry& g = decoder_->geometry();
  auto pool = backend_->AllocateKv(
      {.layers = g.layers, .kv_heads = g.kv_heads, .head_dim = g.head_dim}, 64);
  if (!pool.has_value()) return 0;
  std::vector<double> us;
  for (int i = 0; i < 200; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    backend_->CopyPage(*pool, i % 32, 32 + i % 32);
    us.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
                     .count());
  }
  return Percentile(us, 0.5);
}

double Percentile(std::vector<double> values, double p) {
  if (values.empty()) return 0;
  const auto at = static_cast<size_t>(std::lround(p * static_cast<double>(values.size() - 1)));
  std::nth_element(values.begin(), values.begin() + static_cast<int64_t>(at), values.end());
  return values[at];
}

}  // namespace parley::bench

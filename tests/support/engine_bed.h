// An engine for tests: any decoder on the reference backend, on a simulated clock, with a pool of a given number of
// pages (f32 keys and values, so that equal means bit-equal).
// Thread:   one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/simulated_engine.h"
#include "support/hash_decoder.h"
#include "support/manual_executor.h"
#include "support/token_log.h"

namespace parley::test {

class EngineBed {
 public:
  struct Options {
    int32_t pages = 512;
    engine::EngineConfig config{};
    model::Transcriber* transcriber = nullptr;
    const model::Tokenizer* tokenizer = nullptr;
    const model::Decoder* decoder = nullptr;  // null: a HashDecoder
    const model::AudioEncoder* encoder = nullptr;
    model::Adaptor* adaptor = nullptr;
    engine::EncoderSlices encoder_slices{};
  };

  EngineBed() : EngineBed(Options()) {}
  explicit EngineBed(Options options)
      : backend_(kernels::MakeReferenceBackend()), hash_decoder_(*backend_) {
    Start(std::move(options), *backend_);
  }
  EngineBed(Options options, kernels::Backend& backend) : hash_decoder_(backend) {
    Start(std::move(options), backend);
  }

  engine::Engine& engine() { return *engine_; }
  ManualExecutor& executor() { return executor_; }
  HashDecoder& hash_decoder() { return hash_decoder_; }
  void Run() { executor_.Run(); }
  void RunFor(Duration time) { executor_.RunUntil(executor_.Now() + time); }
  engine::EngineStats stats() const { return engine_->stats(); }

  engine::Sequence Open(engine::Position reserve = 64) {
    auto opened = engine_->Open(reserve);
    if (!opened.has_value()) {
      ADD_FAILURE() << opened.error().message;
      return {};
    }
    return std::move(*opened);
  }
  // Appends and waits.
  Result<engine::Position> Append(const engine::Sequence& sequence, std::vector<TokenId> ids,
                                  engine::Urgency urgency = engine::Urgency::kThinkingListening) {
    Result<engine::Position> result = Fail(Code::kTimeout, "no answer");
    engine_->Append(sequence, {.tokens = std::move(ids)}, urgency,
                    [&result](Result<engine::Position> r) { result = std::move(r); });
    Run();
    return result;
  }
  std::shared_ptr<TokenLog> Generate(const engine::Sequence& sequence,
                                     engine::GenerateOptions options = {}) {
    auto log = std::make_shared<TokenLog>();
    engine_->Generate(sequence, std::move(options), log);
    return log;
  }
  std::vector<TokenId> Say(const engine::Sequence& sequence, int32_t tokens) {
    const auto log = Generate(sequence, {.max_tokens = tokens});
    Run();
    return log->tokens;
  }

 private:
  void Start(Options options, kernels::Backend& backend) {
    const model::Decoder* decoder = options.decoder != nullptr ? options.decoder : &hash_decoder_;
    options.config.kv_type = engine::KvType::kF32;
    options.config.kv_pages = options.pages;
    auto made = engine::SimulatedEngine::Make(
        {.backend = &backend,
         .decoder = decoder,
         .tokenizer = options.tokenizer,
         .encoder = options.encoder,
         .adaptor = options.adaptor,
         .transcriber = options.transcriber,
         .encoder_slices = options.encoder_slices},
        options.config, {},
        {.now = [this] { return executor_.Now(); },
         .at = [this](Time when,
                      std::function<void()> work) { executor_.At(when, std::move(work)); }});
    if (!made.has_value()) ADD_FAILURE() << made.error().message;
    engine_ = std::move(*made);
  }

  std::unique_ptr<kernels::Backend> backend_;
  HashDecoder hash_decoder_;
  ManualExecutor executor_;
  std::unique_ptr<engine::SimulatedEngine> engine_;
};

inline std::vector<TokenId> Ids(int32_t count, int32_t first = 1) {
  std::vector<TokenId> ids;
  for (int32_t i = 0; i < count; ++i) ids.push_back((first + i * 7) % 64);
  return ids;
}

}  // namespace parley::test

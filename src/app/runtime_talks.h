// The talks of a server, on the models of a Runtime; and the config that gives many of them room.
// Thread:   as server::Talks says.
// Memory:   none of its own.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/app_config.h"
#include "app/runtime.h"
#include "server/talks.h"

namespace parley::app {

// Cache pages, branches and queues for `server.max_sessions` talks (0: the default number), unless
// the operator has named them.
AppConfig WithRoomForTalks(AppConfig config);

class RuntimeTalks final : public server::Talks {
 public:
  // `config` and `runtime` outlive it; `model` as Runtime::Load takes it.
  RuntimeTalks(Runtime& runtime, const AppConfig& config, std::string model)
      : runtime_(runtime), config_(config), model_(std::move(model)) {}
  std::shared_ptr<realtime::Executor> NewStrand() override { return runtime_.NewStrand(); }
  Result<std::unique_ptr<realtime::Session>> Open(std::shared_ptr<realtime::Executor> strand,
                                                  realtime::EventSink sink,
                                                  std::optional<realtime::Effort> effort) override {
    return runtime_.NewSession(std::move(strand), std::move(sink), effort);
  }
  engine::Engine& engine() override { return runtime_.engine(); }
  Replicas replicas() const override {
    return {.all = runtime_.replicas(), .lost = runtime_.replicas_lost()};
  }
  std::shared_ptr<const model::Tokenizer> tokenizer() override { return runtime_.tokenizer(); }
  std::shared_ptr<const model::ChatTemplate> chat() override { return runtime_.chat(); }
  const realtime::Style& style() const override { return runtime_.style(); }
  realtime::VoiceWorker& voice() override { return runtime_.voice_worker(); }
  engine::TranscribeLane NewLane() override { return runtime_.NewLane(); }
  int voice_rate_hz() const override { return runtime_.voice_rate_hz(); }
  std::string model_name() const override {
    return model_.empty() ? config_.models.language_model : model_;
  }
  std::vector<std::string> voices() const override { return {config_.models.voice}; }
  std::string transcriber_name() const override { return config_.models.transcriber; }
  std::string instructions() const override { return config_.talk.mind.system_prompt; }

 private:
  Runtime& runtime_;
  const AppConfig& config_;
  const std::string model_;
};

}  // namespace parley::app

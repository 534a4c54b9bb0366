// What a server serves: talks on strands of their own, one shared model runtime behind them.
// Thread:   NewStrand, Open: any. The rest is const after construction.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "engine/engine.h"
#include "model/chat_template.h"
#include "model/tokenizer.h"
#include "realtime/executor.h"
#include "realtime/mind/mind_config.h"
#include "realtime/mind/style.h"
#include "realtime/session.h"
#include "realtime/voice_worker.h"

namespace parley::server {

class Talks {
 public:
  virtual ~Talks() = default;
  virtual std::shared_ptr<realtime::Executor> NewStrand() = 0;
  // kExhausted when the engine has no room for another talk. `effort`: how much it thinks; none: as the operator chose.
  virtual Result<std::unique_ptr<realtime::Session>> Open(
      std::shared_ptr<realtime::Executor> strand, realtime::EventSink sink,
      std::optional<realtime::Effort> effort) = 0;

  virtual engine::Engine& engine() = 0;
  // Of the pool; `lost`: their device was given up, until the program is restarted.
  struct Replicas {
    size_t all = 1, lost = 0;
    bool none_left() const { return lost == all; }
  };
  virtual Replicas replicas() const = 0;
  virtual std::shared_ptr<const model::Tokenizer> tokenizer() = 0;
  virtual std::shared_ptr<const model::ChatTemplate> chat() = 0;  // none: no chat completions
  virtual const realtime::Style& style() const = 0;               // how the model thinks
  virtual realtime::VoiceWorker& voice() = 0;
  virtual engine::TranscribeLane NewLane() = 0;
  virtual int voice_rate_hz() const = 0;

  virtual std::string model_name() const = 0;
  virtual std::vector<std::string> voices() const = 0;  // the first is the default
  virtual std::string transcriber_name() const = 0;
  virtual std::string instructions() const = 0;
};

}  // namespace parley::server

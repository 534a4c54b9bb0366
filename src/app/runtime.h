// Everything a talk runs on, assembled once: backend, models, engine, networks, voice, clock. What `ask`, and later
// `talk` and `serve`, share.
// Thread:   Load and the destructor belong to the main thread; the rest as each part says.
// Memory:   the models; MemoryShares says what each takes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/app_config.h"
#include "common/result.h"
#include "engine/engine.h"
#include "model/chat_template.h"
#include "realtime/executor.h"
#include "realtime/mind/style.h"
#include "realtime/session.h"
#include "realtime/voice_worker.h"

namespace parley::app {

enum class Pace { kRealtime, kSimulated };

struct MemoryShare {
  std::string what;
  size_t bytes = 0;  // resident, measured around the loading of each part
};

class Runtime {
 public:
  // `model`: empty for the default, else a name of the manifest, a file or a folder.
  static Result<std::unique_ptr<Runtime>> Load(const AppConfig& config, const std::string& model,
                                               Pace pace);
  virtual ~Runtime() = default;

  virtual realtime::Executor& executor() = 0;
  virtual engine::Engine& engine() = 0;
  virtual size_t replicas() const = 0;
  virtual size_t replicas_lost() const = 0;  // their device was given up
  virtual Result<std::unique_ptr<realtime::Session>> NewSession(realtime::EventSink sink) = 0;
  virtual int voice_rate_hz() const = 0;

  // For many talks at once, on the wall clock: each on a strand of its own, with an effort of its own, or the config's.
  virtual std::shared_ptr<realtime::Executor> NewStrand() = 0;
  virtual Result<std::unique_ptr<realtime::Session>> NewSession(
      std::shared_ptr<realtime::Executor> strand, realtime::EventSink sink,
      std::optional<realtime::Effort> effort) = 0;
  virtual engine::TranscribeLane NewLane() = 0;
  virtual realtime::VoiceWorker& voice_worker() = 0;
  virtual std::shared_ptr<const model::Tokenizer> tokenizer() const = 0;
  virtual std::shared_ptr<const model::ChatTemplate> chat() const = 0;
  virtual const realtime::Style& style() const = 0;
  virtual const std::vector<MemoryShare>& memory() const = 0;

  // Lets time pass until somebody on the executor sets the flag (and notifies it).
  virtual void RunUntil(const std::atomic<bool>& finished) = 0;
};

}  // namespace parley::app

// The engine on a thread of its own: takes what callers posted, runs a step, tells what came of it, and sleeps when
// there is nothing to do.
// Thread:   one engine thread; calls from any. Completions and sinks run on the engine thread, without a lock held, and
//           may call the engine. After the destructor has begun nobody is told anything any more.
// Memory:   the core's; the mailbox keeps its memory between steps.
// Overload: Append, Generate, Encode and Transcribe beyond `mailbox` waiting calls lose their payload and fail with
//           kExhausted; what ends or frees something is always taken.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "common/clock.h"
#include "engine/call_engine.h"

namespace parley::engine {

class LocalEngine final : public CallEngine {
 public:
  // Parts and clock are borrowed: they must outlive the engine. `clock` is what deadlines are on.
  static Result<std::unique_ptr<LocalEngine>> Make(const EngineParts& parts,
                                                   const EngineConfig& config, const Clock& clock);
  ~LocalEngine() override;
  EngineStats stats() const override;

 private:
  LocalEngine(std::unique_ptr<EngineCore> core, int32_t replica, const EngineConfig& config,
              const Clock& clock);
  void Post(Call call) override;
  void Run(const std::stop_token& stop);
  bool TakeCalls(const std::stop_token& stop, std::vector<Call>& calls);  // waits when idle

  std::unique_ptr<EngineCore> core_;  // the engine thread's
  const Clock& clock_;
  const size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::vector<Call> calls_;  // {mutex_}
  EngineStats stats_;        // {mutex_} of the last step
  std::jthread thread_;
};

}  // namespace parley::engine

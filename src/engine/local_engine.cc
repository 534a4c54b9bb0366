// SPDX-License-Identifier: Apache-2.0
#include "engine/local_engine.h"

#include <chrono>
#include <string>
#include <utility>

namespace parley::engine {

Result<std::unique_ptr<LocalEngine>> LocalEngine::Make(const EngineParts& parts,
                                                       const EngineConfig& config,
                                                       const Clock& clock) {
  PARLEY_TRY(std::unique_ptr<EngineCore> core, EngineCore::Make(parts, config));
  return std::unique_ptr<LocalEngine>(
      new LocalEngine(std::move(core), parts.replica, config, clock));
}

LocalEngine::LocalEngine(std::unique_ptr<EngineCore> core, int32_t replica,
                         const EngineConfig& config, const Clock& clock)
    : CallEngine(core->admission(), replica),
      core_(std::move(core)),
      clock_(clock),
      capacity_(static_cast<size_t>(config.mailbox)),
      stats_(core_->stats()),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

LocalEngine::~LocalEngine() {
  thread_.request_stop();
  thread_.join();
  ForgetHandles();
}

void LocalEngine::Post(Call call) {
  {
    const std::lock_guard lock(mutex_);
    if (calls_.size() >= capacity_) {
      Refuse(call, Fail(Code::kExhausted,
                        std::to_string(capacity_) + " calls wait for the engine already"));
    }
    calls_.push_back(std::move(call));
  }
  wake_.notify_one();
}

EngineStats LocalEngine::stats() const {
  const std::lock_guard lock(mutex_);
  EngineStats stats = stats_;
  stats.refused += open_refused();
  return stats;
}

bool LocalEngine::TakeCalls(const std::stop_token& stop, std::vector<Call>& calls) {
  std::unique_lock lock(mutex_);
  stats_ = core_->stats();
  if (core_->idle()) wake_.wait(lock, stop, [this] { return !calls_.empty(); });
  calls.swap(calls_);
  return !stop.stop_requested();
}

void LocalEngine::Run(const std::stop_token& stop) {
  std::vector<Call> calls;
  Notices notices;
  while (TakeCalls(stop, calls)) {
    for (Call& call : calls) core_->Submit(std::move(call), notices);
    calls.clear();
    Deliver(notices);
    const auto begin = std::chrono::steady_clock::now();
    const StepReport report = core_->Step(clock_.Now(), notices);
    core_->Account(report,
                   std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begin));
    Deliver(notices);
  }
}

}  // namespace parley::engine

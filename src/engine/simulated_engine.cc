// SPDX-License-Identifier: Apache-2.0
#include "engine/simulated_engine.h"

#include <string>
#include <utility>

namespace parley::engine {

Result<std::unique_ptr<SimulatedEngine>> SimulatedEngine::Make(const EngineParts& parts,
                                                               const EngineConfig& config,
                                                               const CostTable& costs,
                                                               Scheduler scheduler) {
  PARLEY_TRY(std::unique_ptr<EngineCore> core, EngineCore::Make(parts, config));
  return std::unique_ptr<SimulatedEngine>(
      new SimulatedEngine(std::move(core), parts.replica, config, costs, std::move(scheduler)));
}

SimulatedEngine::SimulatedEngine(std::unique_ptr<EngineCore> core, int32_t replica,
                                 const EngineConfig& config, const CostTable& costs,
                                 Scheduler scheduler)
    : CallEngine(core->admission(), replica),
      core_(std::move(core)),
      costs_(costs),
      scheduler_(std::move(scheduler)),
      capacity_(static_cast<size_t>(config.mailbox)) {}

SimulatedEngine::~SimulatedEngine() {
  *alive_ = false;
  ForgetHandles();
}

void SimulatedEngine::Post(Call call) {
  if (calls_.size() >= capacity_) {
    Refuse(call, Fail(Code::kExhausted,
                      std::to_string(capacity_) + " calls wait for the engine already"));
  }
  calls_.push_back(std::move(call));
  if (!scheduled_) ScheduleNext(scheduler_.now());
}

void SimulatedEngine::ScheduleNext(Time when) {
  scheduled_ = true;
  scheduler_.at(when, [this, alive = alive_] {
    if (*alive) Next();
  });
}

void SimulatedEngine::Next() {
  const std::shared_ptr<bool> alive = alive_;
  Deliver(notices_);
  if (!*alive) return;
  std::vector<Call> calls = std::move(calls_);
  calls_.clear();
  for (Call& call : calls) core_->Submit(std::move(call), notices_);
  const Time now = scheduler_.now();
  if (!notices_.empty()) return ScheduleNext(now);  // what the calls ended is told before the step
  const StepReport report = core_->Step(now, notices_);
  const Duration cost = costs_.Cost(report);
  core_->Account(report, cost);
  scheduled_ = false;
  if (!notices_.empty() || !calls_.empty() || !core_->idle()) ScheduleNext(now + cost);
}

EngineStats SimulatedEngine::stats() const {
  EngineStats stats = core_->stats();
  stats.refused += open_refused();
  return stats;
}

}  // namespace parley::engine

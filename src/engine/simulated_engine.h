// The same core on a simulated clock: every step takes the time that a cost table says, and its news come when that
// time is over. Runs of `ask --pace fast` are bit-identical at any machine load.
// Thread:   one: the scheduler's. Calls come from it, completions run on it, never inside a call.
// Memory:   the core's.
// Overload: as LocalEngine; calls wait until the step in hand is over.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "common/clock.h"
#include "engine/call_engine.h"
#include "engine/cost_table.h"

namespace parley::engine {

// Where simulated time comes from; realtime's simulated executor fits.
struct Scheduler {
  std::function<Time()> now;
  std::function<void(Time, std::function<void()>)> at;  // in order of time, then of scheduling
};

class SimulatedEngine final : public CallEngine {
 public:
  static Result<std::unique_ptr<SimulatedEngine>> Make(const EngineParts& parts,
                                                       const EngineConfig& config,
                                                       const CostTable& costs, Scheduler scheduler);
  ~SimulatedEngine() override;
  EngineStats stats() const override;

 private:
  SimulatedEngine(std::unique_ptr<EngineCore> core, int32_t replica, const EngineConfig& config,
                  const CostTable& costs, Scheduler scheduler);
  void Post(Call call) override;
  void ScheduleNext(Time when);
  void Next();  // what the last step brought, then what was called meanwhile, then a step

  std::unique_ptr<EngineCore> core_;
  CostTable costs_;
  Scheduler scheduler_;
  size_t capacity_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::vector<Call> calls_;
  Notices notices_;
  bool scheduled_ = false;
};

}  // namespace parley::engine

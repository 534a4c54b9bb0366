// The tools of this machine that a model can be offered: the time, a timer, a calculator. None of
// them uses a network.
// Thread:   as Tool.
// Memory:   one entry a running timer.
// Overload: at most kTimers run; a further one fails.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "realtime/executor.h"
#include "realtime/tools/tool.h"
#include "realtime/tools/tool_runner.h"

namespace parley::realtime {

// The calendar's clock, which the talk's own clock is not.
using WallClock = std::function<std::chrono::system_clock::time_point()>;

inline constexpr size_t kTimers = 16;

std::unique_ptr<Tool> MakeTimeTool(WallClock clock);
std::unique_ptr<Tool> MakeTimerTool(std::shared_ptr<Executor> executor, ToolNotices ring);
std::unique_ptr<Tool> MakeCalculatorTool();

// Offers the tools that `config.offer` names, whose notices are the runner's; kInvalidArgument for
// a name it does not know.
Status OfferBuiltinTools(const ToolsConfig& config, const std::shared_ptr<Executor>& executor,
                         const WallClock& clock, ToolRunner& runner);

}  // namespace parley::realtime

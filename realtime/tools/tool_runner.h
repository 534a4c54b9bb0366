// Runs the tools that a model calls, and gives their results back where the talk runs. Every call
// has exactly one outcome, delivered on the executor and never inside Run: the tool's result, its
// failure, "no such tool", "wrong arguments", or the time-out; only a call whose epoch is cancelled
// has none. A failure is an outcome with words that the model can read and tell.
// Thread:   the executor's; a tool may finish on any thread.
// Memory:   one entry a call that runs.
// Overload: at most kAtOnce calls run; a further one fails with kExhausted. What comes too late is
//           dropped and counted.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/ids.h"
#include "common/result.h"
#include "realtime/executor.h"
#include "realtime/tools/tool.h"
#include "realtime/tools/tool_call.h"
#include "realtime/tools/tools_config.h"

namespace parley::realtime {

struct ToolOutcome {
  std::string call_id;  // "call_1", …
  std::string name;
  Result<std::string> result;
  Duration took{};
  // What the model reads: the result, cut to tools.longest_result, or "error: …".
  std::string ForModel(int32_t longest) const;
};

class ToolRunner {
 public:
  static constexpr size_t kAtOnce = 4;
  using Done = std::function<void(const ToolOutcome&)>;

  ToolRunner(const ToolsConfig& config, std::shared_ptr<Executor> executor);
  ~ToolRunner();

  // kInvalidArgument: its spec is none, or its name is taken.
  Status Offer(std::unique_ptr<Tool> tool);
  void Withdraw(const std::string& name);  // no effect when there is none
  std::vector<ToolSpec> specs() const;     // in the order of their offering
  bool empty() const { return tools_.empty(); }

  // The id of the call. A call that could not be read (Result's error) has an outcome too.
  std::string Run(Result<ToolCall> call, Epoch epoch, Done done);
  // Who hears what tools have to say by themselves; nobody: it is logged.
  void TellNotices(ToolNotices tell) { tell_ = std::move(tell); }
  // For a tool to keep: it may outlive the runner.
  ToolNotices notices() const;
  // Calls of epochs before this one: nobody waits for them.
  void CancelBefore(Epoch epoch);

  size_t running() const { return running_.size(); }
  int64_t timed_out() const { return timed_out_; }
  int64_t late() const { return late_; }  // results that nobody waited for any more

 private:
  struct Running {
    std::string name;
    Epoch epoch;
    Time begun;
    TimerId timer;
    Done done;
    std::shared_ptr<std::atomic<bool>> wanted;
  };
  void Finish(const std::string& call_id, Result<std::string> result);

  const ToolsConfig config_;
  const std::shared_ptr<Executor> executor_;
  std::vector<std::shared_ptr<Tool>> tools_;
  std::map<std::string, Running> running_;  // by the id of the call
  ToolNotices tell_;
  int64_t next_call_ = 1, timed_out_ = 0, late_ = 0;
  // Whoever comes back after we have gone finds nobody.
  std::shared_ptr<ToolRunner*> self_ = std::make_shared<ToolRunner*>(this);
};

}  // namespace parley::realtime

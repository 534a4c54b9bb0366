// A tool that answers what a test wrote, after a time; or fails, or never comes back.
// Thread:   the executor's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "realtime/executor.h"
#include "realtime/tools/tool.h"

namespace parley::test {

struct ToolScript {
  std::string name;
  int64_t ms = 0;
  Result<std::string> result = std::string();
  bool never = false;
};

class ScriptedTool final : public realtime::Tool {
 public:
  ScriptedTool(ToolScript script, std::shared_ptr<realtime::Executor> executor)
      : script_(std::move(script)), executor_(std::move(executor)) {
    spec_.name = script_.name;
    spec_.description = "what the test says";
    spec_.parameters = R"({"type":"object","properties":{"of":{"type":"string"}}})";
  }
  const realtime::ToolSpec& spec() const override { return spec_; }
  void Run(realtime::ToolRequest, Done done) override {
    if (script_.never) return;
    executor_->At(executor_->Now() + milliseconds(script_.ms),
                  [done = std::move(done), result = script_.result] { done(result); });
  }

 private:
  ToolScript script_;
  std::shared_ptr<realtime::Executor> executor_;
  realtime::ToolSpec spec_;
};

}  // namespace parley::test

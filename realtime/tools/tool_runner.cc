// SPDX-License-Identifier: Apache-2.0
#include "realtime/tools/tool_runner.h"

#include <algorithm>
#include <utility>

#include "common/log.h"

namespace parley::realtime {

std::string ToolOutcome::ForModel(int32_t longest) const {
  if (!result) return "error: " + result.error().message;
  if (result->size() <= static_cast<size_t>(longest)) return *result;
  size_t end = static_cast<size_t>(longest);
  while (end > 0 && (static_cast<unsigned char>((*result)[end]) & 0xC0U) == 0x80U) --end;
  return result->substr(0, end) + " …";
}

ToolRunner::ToolRunner(const ToolsConfig& config, std::shared_ptr<Executor> executor)
    : config_(config), executor_(std::move(executor)) {}

ToolRunner::~ToolRunner() {
  *self_ = nullptr;
  for (auto& [id, running] : running_) {
    running.wanted->store(false);
    executor_->Cancel(running.timer);
  }
}

Status ToolRunner::Offer(std::unique_ptr<Tool> tool) {
  PARLEY_TRY_STATUS(CheckSpec(tool->spec()));
  for (const auto& other : tools_) {
    if (other->spec().name == tool->spec().name) {
      return Fail(Code::kInvalidArgument, "two tools are called " + tool->spec().name);
    }
  }
  tools_.push_back(std::move(tool));
  return {};
}

void ToolRunner::Withdraw(const std::string& name) {
  std::erase_if(tools_, [&](const auto& tool) { return tool->spec().name == name; });
}

std::vector<ToolSpec> ToolRunner::specs() const {
  std::vector<ToolSpec> specs;
  for (const auto& tool : tools_) specs.push_back(tool->spec());
  return specs;
}

std::string ToolRunner::Run(Result<ToolCall> call, Epoch epoch, Done done) {
  std::string id = "call_" + std::to_string(next_call_++);
  Running running{
      call ? call->name : std::string(),        epoch, executor_->Now(), TimerId{}, std::move(done),
      std::make_shared<std::atomic<bool>>(true)};
  const auto back = [self = self_, id, executor = executor_](Result<std::string> result) {
    executor->Post([self, id, result = std::move(result)]() mutable {
      if (*self != nullptr) (*self)->Finish(id, std::move(result));
    });
  };
  std::shared_ptr<Tool> tool;
  Status fit;
  if (!call) {
    fit = call.error();
  } else if (running_.size() >= kAtOnce) {
    fit = Fail(Code::kExhausted, "too many tools run at once");
  } else {
    for (const auto& one : tools_) {
      if (one->spec().name == call->name) tool = one;
    }
    fit = tool ? CheckArguments(tool->spec(), call->arguments)
               : Status(Fail(Code::kNotFound, "there is no tool called " + call->name));
  }
  const auto wanted = running.wanted;
  const auto entry = running_.emplace(id, std::move(running)).first;
  if (!fit) {
    back(fit.error());
    return id;
  }
  entry->second.timer =
      executor_->At(executor_->Now() + milliseconds(config_.timeout_ms), [self = self_, id] {
        if (*self == nullptr) return;
        ToolRunner& runner = **self;
        ++runner.timed_out_;
        runner.Finish(id,
                      Fail(Code::kTimeout, "the tool did not answer within " +
                                               std::to_string(runner.config_.timeout_ms) + " ms"));
      });
  tool->Run({id, call->arguments, wanted}, back);
  return id;
}

void ToolRunner::Finish(const std::string& call_id, Result<std::string> result) {
  const auto entry = running_.find(call_id);
  if (entry == running_.end()) {
    ++late_;
    return;
  }
  Running running = std::move(entry->second);
  running_.erase(entry);
  running.wanted->store(false);
  executor_->Cancel(running.timer);
  running.done({call_id, running.name, std::move(result), executor_->Now() - running.begun});
}

ToolNotices ToolRunner::notices() const {
  return [self = self_](const ToolNotice& notice) {
    if (*self == nullptr) return;
    if ((*self)->tell_) return (*self)->tell_(notice);
    LogInfo("tool_notice", {{"text", notice.text}});
  };
}

void ToolRunner::CancelBefore(Epoch epoch) {
  for (auto entry = running_.begin(); entry != running_.end();) {
    if (entry->second.epoch < epoch) {
      entry->second.wanted->store(false);
      executor_->Cancel(entry->second.timer);
      entry = running_.erase(entry);
    } else {
      ++entry;
    }
  }
}

}  // namespace parley::realtime

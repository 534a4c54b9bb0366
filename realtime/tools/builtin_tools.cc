// SPDX-License-Identifier: Apache-2.0
#include "realtime/tools/builtin_tools.h"

#include <time.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "realtime/tools/calculator.h"

namespace parley::realtime {
namespace {

using Json = nlohmann::json;

constexpr double kLongestTimerSeconds = 24 * 3600;

class TimeTool final : public Tool {
 public:
  explicit TimeTool(WallClock clock) : clock_(std::move(clock)) {}
  const ToolSpec& spec() const override { return spec_; }
  void Run(ToolRequest, Done done) override {
    const time_t now = std::chrono::system_clock::to_time_t(clock_());
    tm local{};
    if (localtime_r(&now, &local) == nullptr) {
      return done(Fail(Code::kIo, "the clock of this machine gives no date"));
    }
    // Words of our own: a model must not meet the language of the machine it runs on.
    static constexpr std::array<const char*, 7> kDays = {
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
    static constexpr std::array<const char*, 12> kMonths = {
        "January", "February", "March",     "April",   "May",      "June",
        "July",    "August",   "September", "October", "November", "December"};
    std::array<char, 16> hours{};
    snprintf(hours.data(), hours.size(), "%02d:%02d", local.tm_hour, local.tm_min);
    done(std::string(kDays.at(static_cast<size_t>(local.tm_wday))) + ", " +
         kMonths.at(static_cast<size_t>(local.tm_mon)) + " " + std::to_string(local.tm_mday) +
         ", " + std::to_string(1900 + local.tm_year) + ", " + hours.data());
  }

 private:
  const ToolSpec spec_{"time", "the current date, day of the week and time",
                       R"({"type":"object","properties":{}})"};
  const WallClock clock_;
};

std::string SpokenSpan(double seconds) {
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  std::string out;
  const auto add = [&](int64_t n, const char* unit) {
    if (n == 0) return;
    if (!out.empty()) out += " ";
    out += std::to_string(n) + " " + unit + (n == 1 ? "" : "s");
  };
  add(whole / 3600, "hour");
  add(whole / 60 % 60, "minute");
  add(whole % 60, "second");
  return out.empty() ? "0 seconds" : out;
}

// A timer that was set rings although the talk's epochs go on: only the end of the talk stops it.
class TimerTool final : public Tool {
 public:
  TimerTool(std::shared_ptr<Executor> executor, ToolNotices ring)
      : executor_(std::move(executor)), state_(std::make_shared<State>()) {
    state_->ring = std::move(ring);
  }
  ~TimerTool() override {
    state_->ring = nullptr;
    for (const TimerId timer : state_->running) executor_->Cancel(timer);
  }
  const ToolSpec& spec() const override { return spec_; }

  void Run(ToolRequest request, Done done) override {
    const Json arguments = Json::parse(request.arguments, nullptr, false);
    const double seconds = arguments.value("seconds", 0.0) + 60 * arguments.value("minutes", 0.0);
    const std::string name = arguments.value("name", "");
    if (!(seconds >= 1 && seconds <= kLongestTimerSeconds)) {
      return done(Fail(Code::kInvalidArgument, "a timer runs from one second to 24 hours"));
    }
    if (state_->running.size() >= kTimers) {
      return done(Fail(Code::kExhausted, "16 timers run already"));
    }
    const std::string of = name.empty() ? "" : " for " + name;
    auto timer = std::make_shared<TimerId>();
    *timer = executor_->At(
        executor_->Now() + Duration(static_cast<int64_t>(seconds * 1e6)),
        [state = state_, timer, text = "The timer of " + SpokenSpan(seconds) + " is over."] {
          state->running.erase(*timer);
          if (state->ring) state->ring({text});
        });
    state_->running.insert(*timer);
    done("A timer" + of + " of " + SpokenSpan(seconds) + " is running.");
  }

 private:
  struct State {
    std::set<TimerId> running;
    ToolNotices ring;
  };
  const ToolSpec spec_{
      "timer", "sets a timer that rings",
      R"({"type":"object","properties":{"seconds":{"type":"number"},"minutes":{"type":"number"},)"
      R"("name":{"type":"string","description":"what it is for"}}})"};
  const std::shared_ptr<Executor> executor_;
  const std::shared_ptr<State> state_;
};

class CalculatorTool final : public Tool {
 public:
  const ToolSpec& spec() const override { return spec_; }
  void Run(ToolRequest request, Done done) override {
    const Json arguments = Json::parse(request.arguments, nullptr, false);
    const Result<double> value = Calculate(arguments.value("expression", ""));
    if (!value) return done(value.error());
    done(FormatNumber(*value));
  }

 private:
  const ToolSpec spec_{"calculator", "the value of an arithmetic expression",
                       R"({"type":"object","properties":{"expression":{"type":"string"}},)"
                       R"("required":["expression"]})"};
};

}  // namespace

std::unique_ptr<Tool> MakeTimeTool(WallClock clock) {
  return std::make_unique<TimeTool>(std::move(clock));
}
std::unique_ptr<Tool> MakeTimerTool(std::shared_ptr<Executor> executor, ToolNotices ring) {
  return std::make_unique<TimerTool>(std::move(executor), std::move(ring));
}
std::unique_ptr<Tool> MakeCalculatorTool() { return std::make_unique<CalculatorTool>(); }

Status OfferBuiltinTools(const ToolsConfig& config, const std::shared_ptr<Executor>& executor,
                         const WallClock& clock, ToolRunner& runner) {
  std::string name;
  for (const char c : config.offer + ",") {
    if (c == ' ') continue;
    if (c != ',') {
      name += c;
      continue;
    }
    if (name.empty()) continue;
    if (name == "time") {
      PARLEY_TRY_STATUS(runner.Offer(MakeTimeTool(clock)));
    } else if (name == "timer") {
      PARLEY_TRY_STATUS(runner.Offer(MakeTimerTool(executor, runner.notices())));
    } else if (name == "calculator") {
      PARLEY_TRY_STATUS(runner.Offer(MakeCalculatorTool()));
    } else {
      return Fail(Code::kInvalidArgument, "tools.offer: there is no tool called " + name +
                                              "; known are time, timer and calculator");
    }
    name.clear();
  }
  return {};
}

}  // namespace parley::realtime

// A simulated clock for tests of single modules: closures run in the order of their time, then of their posting.
// Conversations are tested on realtime's own simulated executor; this one keeps the engine's tests below realtime.
// Thread:   one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "realtime/executor.h"

namespace parley::test {

class ManualExecutor final : public realtime::Executor {
 public:
  Time Now() const override { return now_; }
  void Post(std::function<void()> work) override { At(now_, std::move(work)); }
  realtime::TimerId At(Time when, std::function<void()> work) override {
    const Key key{std::max(when, now_), next_++};
    work_.emplace(key, std::move(work));
    return realtime::TimerId{key.second};
  }
  void Cancel(realtime::TimerId timer) override {
    std::erase_if(work_, [timer](const auto& entry) { return entry.first.second == timer.value; });
  }

  void RunUntil(Time end) {
    while (!work_.empty() && work_.begin()->first.first <= end) RunOne();
    now_ = std::max(now_, end);
  }
  void Run() {
    while (!work_.empty()) RunOne();
  }

 private:
  using Key = std::pair<Time, int64_t>;
  void RunOne() {
    auto next = work_.extract(work_.begin());
    now_ = next.key().first;
    next.mapped()();
  }

  std::map<Key, std::function<void()>> work_;
  Time now_{};
  int64_t next_ = 1;
};

}  // namespace parley::test

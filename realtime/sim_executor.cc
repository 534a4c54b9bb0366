// SPDX-License-Identifier: Apache-2.0
#include "realtime/sim_executor.h"

#include <algorithm>

#include "common/check.h"

namespace parley::realtime {

void SimExecutor::Post(std::function<void()> work) { At(now_, std::move(work)); }

TimerId SimExecutor::At(Time when, std::function<void()> work) {
  const TimerId id{next_++};
  const Time due = std::max(when, now_);
  queue_.emplace(Key{due, id.value}, std::move(work));
  due_.emplace(id.value, due);
  return id;
}

void SimExecutor::Cancel(TimerId timer) {
  const auto found = due_.find(timer.value);
  if (found == due_.end()) return;
  queue_.erase(Key{found->second, timer.value});
  due_.erase(found);
}

void SimExecutor::Charge(Duration cost) {
  PARLEY_CHECK(cost.count() >= 0, "time does not run backwards");
  now_ += cost;
}

bool SimExecutor::RunOne() {
  if (queue_.empty()) return false;
  auto first = queue_.extract(queue_.begin());
  due_.erase(first.key().second);
  now_ = std::max(now_, first.key().first);
  first.mapped()();
  return true;
}

void SimExecutor::RunUntil(Time until) {
  while (!queue_.empty() && queue_.begin()->first.first <= until) RunOne();
  now_ = std::max(now_, until);
}

void SimExecutor::Drop() {
  while (!queue_.empty()) {  // what goes with a closure may post another
    due_.clear();
    const auto dropped = std::exchange(queue_, {});
  }
}

}  // namespace parley::realtime

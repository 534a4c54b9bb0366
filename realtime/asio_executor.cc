// SPDX-License-Identifier: Apache-2.0
#include "realtime/asio_executor.h"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace parley::realtime {

namespace asio = boost::asio;

struct TalkThreads::Context {
  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::vector<std::jthread> threads;
};

namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

class AsioStrand final : public Executor, public std::enable_shared_from_this<AsioStrand> {
 public:
  AsioStrand(asio::io_context& io, std::shared_ptr<void> keep)
      : keep_(std::move(keep)), io_(io), strand_(asio::make_strand(io)) {}

  Time Now() const override {
    return Time(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - start_));
  }

  void Post(std::function<void()> work) override { asio::post(strand_, std::move(work)); }

  // The timer is armed and cancelled on the strand, so that steady_timer is used by one thread at a time.
  TimerId At(Time when, std::function<void()> work) override {
    const TimerId id = NewId();
    asio::post(strand_, [self = shared_from_this(), id, when, work = std::move(work)]() mutable {
      self->Arm(id, when, std::move(work));
    });
    return id;
  }

  void Cancel(TimerId timer) override {
    asio::post(strand_, [self = shared_from_this(), timer] { self->Disarm(timer); });
  }

 private:
  TimerId NewId() {
    std::lock_guard lock(mutex_);
    return TimerId{next_++};
  }

  void Arm(TimerId id, Time when, std::function<void()> work) {
    auto timer = std::make_unique<asio::steady_timer>(io_, start_ + when.time_since_epoch());
    timer->async_wait(asio::bind_executor(
        strand_, [weak = weak_from_this(), id, work = std::move(work)](boost::system::error_code) {
          // A timer that has fired but was cancelled before its turn came is no longer in the table.
          auto self = weak.lock();
          if (self != nullptr && self->timers_.erase(id.value) == 1) work();
        }));
    timers_.emplace(id.value, std::move(timer));
  }

  void Disarm(TimerId id) { timers_.erase(id.value); }  // its handler runs, finds nothing and ends

  std::shared_ptr<void> keep_;  // the context outlives every strand
  asio::io_context& io_;
  asio::strand<asio::io_context::executor_type> strand_;
  const SteadyTime start_ = std::chrono::steady_clock::now();
  std::unordered_map<int64_t, std::unique_ptr<asio::steady_timer>> timers_;  // {strand_}
  std::mutex mutex_;
  int64_t next_ = 1;  // {mutex_}
};

}  // namespace

TalkThreads::TalkThreads(int threads) : context_(std::make_shared<Context>()) {
  for (int i = 0; i < threads; ++i) {
    context_->threads.emplace_back([context = context_.get()] { context->io.run(); });
  }
}

TalkThreads::~TalkThreads() {
  context_->work.reset();
  context_->io.stop();
  context_->threads.clear();  // joins
  // What was posted and has not run may own a talk that owns its strand: run it here, without
  // waiting for timers, or it would keep itself alive.
  context_->io.restart();
  context_->io.poll();
}

std::shared_ptr<Executor> TalkThreads::NewStrand() {
  return std::make_shared<AsioStrand>(context_->io, context_);
}

}  // namespace parley::realtime

// The engine on its thread, called from many: the answers are those of the simulated clock. Runs under TSan.
// SPDX-License-Identifier: Apache-2.0
#include "engine/local_engine.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "support/engine_bed.h"

namespace parley::test {
namespace {

using engine::Position;
using engine::Sequence;
using engine::Urgency;

// A sink that another thread waits for.
class WaitingSink final : public engine::TokenSink {
 public:
  void OnToken(engine::Stream, TokenId id, Position) override {
    const std::lock_guard lock(mutex_);
    tokens_.push_back(id);
    ready_.notify_all();
  }
  void OnEnded(engine::Stream, const engine::Ended& ended) override {
    const std::lock_guard lock(mutex_);
    ended_ = ended;
    ready_.notify_all();
  }
  std::vector<TokenId> Tokens() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [this] { return ended_.has_value(); });
    return tokens_;
  }
  void WaitFor(size_t tokens) {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [&] { return tokens_.size() >= tokens || ended_.has_value(); });
  }
  engine::EndReason reason() {
    const std::lock_guard lock(mutex_);
    return ended_->reason;
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::vector<TokenId> tokens_;         // {mutex_}
  std::optional<engine::Ended> ended_;  // {mutex_}
};

class LocalEngineTest : public testing::Test {
 protected:
  LocalEngineTest() : backend_(kernels::MakeReferenceBackend()), decoder_(*backend_) {
    engine::EngineConfig config;
    config.kv_pages = 512;
    config.kv_type = engine::KvType::kF32;
    auto made = engine::LocalEngine::Make({.backend = backend_.get(), .decoder = &decoder_}, config,
                                          clock_);
    EXPECT_TRUE(made.has_value());
    engine_ = std::move(*made);
  }
  std::shared_ptr<WaitingSink> Generate(const Sequence& sequence, int32_t tokens) {
    auto sink = std::make_shared<WaitingSink>();
    engine_->Generate(sequence, {.max_tokens = tokens}, sink);
    return sink;
  }

  std::unique_ptr<kernels::Backend> backend_;
  HashDecoder decoder_;
  SteadyClock clock_;
  std::unique_ptr<engine::LocalEngine> engine_;
};

TEST_F(LocalEngineTest, ManyThreadsGetTheAnswersOfOne) {
  EngineBed bed;
  std::vector<std::vector<TokenId>> expected;
  for (int i = 0; i < 4; ++i) {
    const Sequence talk = bed.Open();
    ASSERT_TRUE(bed.Append(talk, Ids(20 + i, i)).has_value());
    expected.push_back(bed.Say(talk, 60));
  }
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 20; ++round) {
        auto talk = engine_->Open(100);
        ASSERT_TRUE(talk.has_value());
        engine_->Append(*talk, {.tokens = Ids(20 + i, i)}, Urgency::kThinkingListening, {});
        const auto sink = Generate(*talk, 60);
        sink->WaitFor(10);
        const Position at = 20 + i + 5;
        const Sequence branch = engine_->Fork(*talk, at);  // while it is being decoded
        const auto branch_sink = Generate(branch, 20);
        EXPECT_EQ(sink->Tokens(), expected[static_cast<size_t>(i)]);
        const auto& all = expected[static_cast<size_t>(i)];
        EXPECT_EQ(branch_sink->Tokens(), std::vector<TokenId>(all.begin() + 5, all.begin() + 25));
        EXPECT_GE(engine_->stats().pages_used, 1);
      }
    });
  }
  threads.clear();
  // Handles are gone; the engine gets to it before the next talk's first token.
  auto last = engine_->Open(10);
  ASSERT_TRUE(last.has_value());
  engine_->Append(*last, {.tokens = {1}}, Urgency::kFirstWords, {});
  Generate(*last, 2)->Tokens();
  last->Release();
  auto probe = engine_->Open(10);
  engine_->Append(*probe, {.tokens = {1}}, Urgency::kFirstWords, {});
  Generate(*probe, 2)->Tokens();
  EXPECT_EQ(engine_->stats().sequences, 1);
  EXPECT_LE(engine_->stats().pages_used, 1);
}

TEST_F(LocalEngineTest, StopsPromptlyAndTellsNobodyAfterwards) {
  auto talk = engine_->Open(2000);
  ASSERT_TRUE(talk.has_value());
  engine_->Append(*talk, {.tokens = {1, 2, 3}}, Urgency::kFirstWords, {});
  const auto sink = Generate(*talk, 1000);
  sink->WaitFor(5);
  engine_.reset();
  talk->Release();  // a handle that lives longer than its engine
}

TEST_F(LocalEngineTest, SinksMayCallTheEngine) {
  auto talk = engine_->Open(500);
  ASSERT_TRUE(talk.has_value());
  engine_->Append(*talk, {.tokens = {1, 2, 3}}, Urgency::kFirstWords, {});
  class Stopper final : public engine::TokenSink {
   public:
    Stopper(engine::Engine& engine, std::shared_ptr<WaitingSink> next)
        : engine_(engine), next_(std::move(next)) {}
    void OnToken(engine::Stream stream, TokenId id, Position position) override {
      next_->OnToken(stream, id, position);
      if (position == 13) engine_.Stop(stream);
    }
    void OnEnded(engine::Stream stream, const engine::Ended& ended) override {
      next_->OnEnded(stream, ended);
    }

   private:
    engine::Engine& engine_;
    std::shared_ptr<WaitingSink> next_;
  };
  auto sink = std::make_shared<WaitingSink>();
  engine_->Generate(*talk, {.max_tokens = 400}, std::make_shared<Stopper>(*engine_, sink));
  EXPECT_EQ(sink->Tokens().size(), 10U);
  EXPECT_EQ(sink->reason(), engine::EndReason::kStopped);
}

}  // namespace
}  // namespace parley::test

// Talks on a pool of two devices, one of which fails: its talk is told though it wanted nothing, and told once; the other
// one's goes on.
// SPDX-License-Identifier: Apache-2.0
#include "app/placed_session.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "engine/simulated_engine.h"
#include "realtime/sim_executor.h"
#include "realtime/sim_workers.h"
#include "support/faulty_backend.h"
#include "support/hash_decoder.h"
#include "support/scripted_talks.h"

namespace parley::app {
namespace {

using test::FaultyBackend;
using test::HashDecoder;

class NoTurnEnd final : public nn::TurnEnd {
 public:
  Result<float> Probability(PcmView) override { return 0.0F; }
  Result<std::unique_ptr<nn::TurnEnd>> Another() const override {
    return std::unique_ptr<nn::TurnEnd>(std::make_unique<NoTurnEnd>());
  }
};

class PlacedSessionTest : public testing::Test {
 protected:
  struct Device {
    FaultyBackend backend{kernels::MakeReferenceBackend()};
    HashDecoder decoder{backend};
  };

  PlacedSessionTest() {
    engine::EngineConfig config;
    config.kv_pages = 300;
    config.kv_type = engine::KvType::kF32;
    std::vector<std::unique_ptr<engine::CallEngine>> replicas;
    for (int32_t i = 0; i < 2; ++i) {
      devices_.push_back(std::make_unique<Device>());
      auto made = engine::SimulatedEngine::Make(
          {.backend = &devices_.back()->backend,
           .decoder = &devices_.back()->decoder,
           .replica = i},
          config, {},
          {.now = [this] { return executor_->Now(); },
           .at = [this](Time when,
                        std::function<void()> work) { executor_->At(when, std::move(work)); }});
      EXPECT_TRUE(made.has_value());
      replicas.push_back(std::move(*made));
    }
    pool_ = std::make_unique<engine::PoolEngine>(std::move(replicas));
  }
  ~PlacedSessionTest() override { executor_->Drop(); }  // the talks that ended since it last ran

  std::unique_ptr<realtime::Session> Open(std::vector<realtime::Event>& events) {
    realtime::ConversationParts parts;
    parts.executor = executor_;
    parts.tokenizer = tokenizer_;
    parts.prompt.system = {1, 2, 3};
    parts.prompt.user_open = {4};
    parts.prompt.answer_open = {5};
    parts.prompt.answer_close = {6};
    parts.prompt.stop = {63};
    parts.voice_activity = std::make_unique<test::LoudnessVoiceActivity>();
    parts.turn_end = &turn_end_worker_;
    parts.voice = &voice_worker_;
    auto opened = OpenPlacedSession(*pool_, {}, std::move(parts),
                                    [&events](const realtime::Event& e) { events.push_back(e); });
    EXPECT_TRUE(opened.has_value()) << opened.error().message;
    return opened ? *std::move(opened) : nullptr;
  }
  void RunFor(std::chrono::milliseconds time) { executor_->RunUntil(executor_->Now() + time); }

  std::shared_ptr<realtime::SimExecutor> executor_ = std::make_shared<realtime::SimExecutor>();
  std::vector<std::unique_ptr<Device>> devices_;
  std::unique_ptr<engine::PoolEngine> pool_;
  std::shared_ptr<test::WordTokenizer> tokenizer_ =
      std::make_shared<test::WordTokenizer>(std::vector<std::string>{"<|im_end|>"});
  NoTurnEnd turn_end_;
  test::ToneSynthesizer voice_;
  realtime::VoiceCosts costs_;
  realtime::SimTurnEndWorker turn_end_worker_{*executor_, turn_end_, costs_};
  realtime::SimVoiceWorker voice_worker_{*executor_, voice_, costs_};
};

TEST_F(PlacedSessionTest, IsToldThatItsDeviceIsGone) {
  std::vector<realtime::Event> of_lost;
  std::vector<realtime::Event> of_other;
  auto lost = Open(of_lost);
  auto other = Open(of_other);
  RunFor(std::chrono::milliseconds(100));
  EXPECT_TRUE(of_lost.empty());

  // Somebody else's work on the first device finds it dead.
  auto third = pool_->Open(64);
  ASSERT_TRUE(third.has_value());
  ASSERT_EQ(engine::ReplicaOf(third->id()), 0U);
  devices_[0]->backend.polls_to_fail = 1000000;
  pool_->Append(*third, {.tokens = {7, 8, 9}}, engine::Urgency::kFirstWords, {});
  RunFor(std::chrono::seconds(2));
  ASSERT_EQ(of_lost.size(), 1U);
  const auto* failed = std::get_if<realtime::Failed>(&of_lost.front().what);
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->error.code, Code::kDevice);
  EXPECT_TRUE(failed->error.message.starts_with("the talk is over: ")) << failed->error.message;

  // Nothing comes of it any more, whatever its user does.
  const std::vector<float> voice(16000, 0.5F);
  lost->PushSound(voice);
  lost->PushText("hello");
  other->PushSound(voice);
  RunFor(std::chrono::seconds(2));
  EXPECT_EQ(of_lost.size(), 1U);
  ASSERT_FALSE(of_other.empty());
  EXPECT_TRUE(std::holds_alternative<realtime::SpeechStarted>(of_other.front().what));

  std::vector<realtime::Event> of_new;
  const auto fresh = Open(of_new);
  EXPECT_NE(fresh, nullptr);
}

TEST_F(PlacedSessionTest, MayEndInItsLastEvent) {
  std::unique_ptr<realtime::Session> talk;
  int events = 0;
  std::vector<realtime::Event> none;
  realtime::ConversationParts parts;
  parts.executor = executor_;
  parts.tokenizer = tokenizer_;
  parts.prompt.system = {1, 2, 3};
  parts.voice_activity = std::make_unique<test::LoudnessVoiceActivity>();
  parts.turn_end = &turn_end_worker_;
  parts.voice = &voice_worker_;
  auto opened = OpenPlacedSession(*pool_, {}, std::move(parts), [&](const realtime::Event&) {
    ++events;
    talk.reset();
  });
  ASSERT_TRUE(opened.has_value());
  talk = *std::move(opened);
  const auto beside = Open(none);
  devices_[0]->backend.polls_to_fail = 1000000;
  auto same = pool_->Open(64);
  ASSERT_TRUE(same.has_value());
  ASSERT_EQ(engine::ReplicaOf(same->id()), 0U);
  pool_->Append(*same, {.tokens = {7, 8, 9}}, engine::Urgency::kFirstWords, {});
  RunFor(std::chrono::seconds(2));
  EXPECT_EQ(events, 1);
  EXPECT_EQ(talk, nullptr);
}

}  // namespace
}  // namespace parley::app

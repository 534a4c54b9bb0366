// SPDX-License-Identifier: Apache-2.0
// Conversations on real threads: strands, an engine that answers from a thread of its own, a voice
// and a turn detector on theirs. What the thread sanitizer looks at.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "realtime/asio_executor.h"
#include "realtime/local_session.h"
#include "support/talk.h"
#include "support/threaded_engine.h"

namespace parley::realtime {
namespace {

class Events {
 public:
  void Add(const Event& event) {
    std::lock_guard lock(mutex_);
    const bool done = std::holds_alternative<TurnDone>(event.what);
    if (done) answers_.push_back(std::get<TurnDone>(event.what).trace.answer);
    if (std::holds_alternative<AudioOut>(event.what)) ++audio_;
    changed_.notify_all();
  }
  std::vector<std::string> WaitForAnswers(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(60), [&] { return answers_.size() >= count; });
    return answers_;
  }
  void WaitForAudio() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(60), [&] { return audio_ > 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> answers_;
  int audio_ = 0;
};

class ThreadsTest : public testing::Test {
 protected:
  ThreadsTest() {
    test::Script script;
    script.step = milliseconds(1);
    script.prefill_row = Duration(10);
    script.transcribe = milliseconds(5);
    script.hear = [this](PcmView sound, const model::TranscribeOptions&) {
      return words.Hear(sound);
    };
    script.say = [this](std::span<const TokenId>, const engine::GenerateOptions&) {
      return tokenizer->Encode(answer);
    };
    script.tokenizer = tokenizer.get();
    question = std::vector<float>(8000, 0.0F);
    const auto speech = words.Say("is it open", 12000);
    question.insert(question.end(), speech.begin(), speech.end());
    question.resize(question.size() + 8000, 0.0F);
    engine = std::make_unique<test::ThreadedEngine>(engine_thread.NewStrand(), std::move(script));
  }

  std::unique_ptr<LocalSession> NewSession(int64_t lane, Events& events) {
    ConversationParts parts;
    parts.executor = talk_threads.NewStrand();
    parts.engine = engine.get();
    parts.lane = {lane};
    parts.tokenizer = tokenizer;
    parts.prompt = test::ChatMlPieces(*tokenizer, "Be brief.");
    parts.voice_activity = std::make_unique<test::FakeVoiceActivity>();
    parts.turn_end = &turn_end_worker;
    parts.voice = &voice_worker;
    auto session = LocalSession::Open(ConversationConfig{}, std::move(parts),
                                      [&events](const Event& event) { events.Add(event); });
    EXPECT_TRUE(session);
    return *std::move(session);
  }
  void Speak(Session& session) {
    for (size_t at = 0; at < question.size(); at += 320) {
      session.PushSound(PcmView(question).subspan(at, std::min<size_t>(320, question.size() - at)));
    }
  }

  test::SpokenWords words;
  std::string answer = "Yes, it is open.";  // before the first question
  std::vector<float> question;
  std::shared_ptr<test::WordTokenizer> tokenizer = std::make_shared<test::WordTokenizer>();
  test::FakeTurnEnd turn_end;
  test::ToneSynthesizer voice;
  // Goes in reverse: talks end, workers stop, the engine's thread stops, then the engine itself.
  std::unique_ptr<test::ThreadedEngine> engine;
  TalkThreads engine_thread{1};
  ThreadTurnEndWorker turn_end_worker{turn_end};
  ThreadVoiceWorker voice_worker{voice};
  TalkThreads talk_threads{2};
};

TEST_F(ThreadsTest, TwoTalksShareAnEngineAndAVoice) {
  Events first_events, second_events;
  const auto first = NewSession(1, first_events);
  const auto second = NewSession(2, second_events);
  std::jthread other([&] { Speak(*second); });
  Speak(*first);
  other.join();
  EXPECT_EQ(first_events.WaitForAnswers(1), std::vector<std::string>{"Yes, it is open."});
  EXPECT_EQ(second_events.WaitForAnswers(1), std::vector<std::string>{"Yes, it is open."});
  EXPECT_EQ(first->stats().sound_refused_ms, 0);
}

TEST_F(ThreadsTest, StopsFromAnotherThreadWhileItSpeaks) {
  for (int i = 0; i < 30; ++i) answer += " It is open until nine.";  // 40 s of sound
  Events events;
  const auto session = NewSession(1, events);
  Speak(*session);
  events.WaitForAudio();
  session->Interrupt();
  const auto answers = events.WaitForAnswers(1);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_LT(answers[0].size(), answer.size());
}

TEST_F(ThreadsTest, EndsInTheMiddleOfAnything) {
  for (int round = 0; round < 20; ++round) {
    Events events;
    auto session = NewSession(100 + round, events);
    Speak(*session);
    if (round % 4 == 3) events.WaitForAudio();
    std::this_thread::sleep_for(std::chrono::milliseconds(round % 4 * 3));
    session.reset();  // nothing may call `events` after this
  }
}

TEST_F(ThreadsTest, RefusesSoundItCannotHold) {
  Events events;
  const auto session = NewSession(1, events);
  const std::vector<float> minute(60 * kSampleRateHz, 0.0F);
  session->PushSound(minute);
  EXPECT_EQ(session->stats().sound_refused_ms, 60000);
}

}  // namespace
}  // namespace parley::realtime

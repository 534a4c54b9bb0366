// The whole program beside its own loudspeaker, on a simulated clock: real answers of a model in the real
// voice go through the measured response of a room back into the microphone, through the
// lines and the sound path that `parley talk` uses. It should not interrupt itself, and a real voice as
// loud as the echo must still be noticed.
//   PARLEY_FULL=1   40 answers and 40 interruptions instead of 4; echo_turns_test.cc has 40 without a model
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>

#include "app/runtime.h"
#include "audio_io/resampler.h"
#include "support/echo_room.h"

namespace parley::test {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> kQuestions = {
    "Tell me a story about a dog and a river.", "Why is the sky blue?",
    "Explain how a bicycle stays upright.",     "What should I cook for six guests tonight?",
    "Describe the city of Paris to a child.",   "How do airplanes fly?",
    "What are the benefits of walking?",        "Tell me about the history of bread.",
    "How does a computer remember things?",     "What is the difference between a lake and a sea?"};
const std::vector<std::string> kInterruptions = {"turn_000", "turn_002", "turn_004", "turn_006",
                                                 "turn_008", "turn_010", "turn_012", "turn_016"};

int Runs() { return std::getenv("PARLEY_FULL") != nullptr ? 40 : 4; }

struct Heard {
  bool answered = false, lowered = false, interrupted = false;
  double first_sound_ms = -1, lowered_ms = -1, interrupted_ms = -1, done_ms = -1;
  std::string heard_words, how;
};

// One desk: a talk, its loudspeaker, a room, a microphone.
class EchoDesk {
 public:
  EchoDesk(app::Runtime& runtime, const std::string& room, double echo_db)
      : runtime_(runtime), room_(room, echo_db, [this] { return Nanoseconds(); }) {
    auto session = runtime.NewSession([this](const realtime::Event& e) { OnEvent(e); });
    EXPECT_TRUE(session.has_value());
    session_ = *std::move(session);
    resampler_.emplace(runtime.voice_rate_hz(), 16000);
  }

  ~EchoDesk() {
    session_.reset();
    // Its talk ends on the executor, and gives its pages back there.
    auto closed = std::make_shared<std::atomic<bool>>(false);
    runtime_.executor().At(runtime_.executor().Now() + 100ms, [closed] { *closed = true; });
    runtime_.RunUntil(*closed);
  }

  // Silence first, so that clocks and canceller are there; then the question, typed.
  Heard Ask(const std::string& question, const std::vector<float>& near = {}) {
    heard_ = {};
    near_ = near;
    near_began_ms_ = -1;
    finished_ = std::make_shared<std::atomic<bool>>(false);
    const Time begin = runtime_.executor().Now();
    ticks_left_ = 6000;  // a minute
    Schedule(begin, 0);
    runtime_.executor().At(begin + 500ms, [this, question] { session_->PushText(question); });
    runtime_.RunUntil(*finished_);
    return heard_;
  }
  double near_began_ms() const { return near_began_ms_; }
  const audio::SoundPath& path() const { return room_.path(); }

 private:
  int64_t Nanoseconds() const {
    return runtime_.executor().Now().time_since_epoch().count() * 1000;
  }
  double NowMs() const { return Ms(runtime_.executor().Now()); }

  void Schedule(Time begin, int64_t tick) {
    runtime_.executor().At(begin + (tick + 1) * 10ms, [this, begin, tick] {
      Tick();
      if (*finished_ || --ticks_left_ <= 0) {
        *finished_ = true;
        return;
      }
      Schedule(begin, tick + 1);
    });
  }

  void Tick() {
    BeginNear();
    room_.Tick([this](PcmView block) { session_->PushSound(block); });
    if (!answering_) return;
    const bool all = sent_ && room_.loudspeaker().drained();
    session_->Played(all ? voice_samples_
                         : std::min(voice_samples_, room_.loudspeaker().heard() *
                                                        runtime_.voice_rate_hz() / 16000));
    if (all) answering_ = false;
  }

  // The near voice begins two and a half seconds into the answer.
  void BeginNear() {
    if (near_.empty() || near_began_ms_ >= 0 || heard_.first_sound_ms < 0 ||
        NowMs() < heard_.first_sound_ms + 2500) {
      return;
    }
    near_began_ms_ = NowMs() - 10;
    room_.Speak(near_);
  }

  void OnEvent(const realtime::Event& event) {
    if (const auto* sound = std::get_if<realtime::AudioOut>(&event.what)) {
      if (sound->first_sample == 0) {
        room_.loudspeaker().AnswerBegins();
        resampler_->Reset();
        answering_ = true;
        sent_ = false;
        voice_samples_ = 0;
        if (!heard_.answered) heard_.first_sound_ms = NowMs();
        heard_.answered = true;
      }
      voice_samples_ += static_cast<int64_t>(sound->samples.size());
      room_.loudspeaker().Play(resampler_->Push(sound->samples));
    } else if (std::holds_alternative<realtime::AnswerSent>(event.what)) {
      room_.loudspeaker().Play(resampler_->Flush());
      room_.loudspeaker().AnswerSent();
      sent_ = true;
    } else if (const auto* lowered = std::get_if<realtime::Lowered>(&event.what)) {
      room_.loudspeaker().SetGain(lowered->gain);
      heard_.lowered = true;
      if (heard_.lowered_ms < 0 && (near_.empty() || near_began_ms_ >= 0))
        heard_.lowered_ms = NowMs();
    } else if (std::holds_alternative<realtime::Unlowered>(event.what)) {
      room_.loudspeaker().SetGain(1);
    } else if (std::holds_alternative<realtime::BargedIn>(event.what)) {
      room_.loudspeaker().Cut();
      answering_ = false;
      heard_.interrupted = true;
      heard_.interrupted_ms = NowMs();
      heard_.how += " interrupted at " + std::to_string(NowMs() - heard_.first_sound_ms);
    } else if (std::holds_alternative<realtime::SpeechStarted>(event.what)) {
      if (near_.empty()) {  // a turn of nobody
        heard_.interrupted = true;
        heard_.how += " a turn at " + std::to_string(NowMs() - heard_.first_sound_ms);
      }
    } else if (const auto* words = std::get_if<realtime::Heard>(&event.what)) {
      heard_.heard_words = words->text;
    } else if (std::holds_alternative<realtime::TurnDone>(event.what)) {
      heard_.done_ms = NowMs();
      // A second more: the room still sounds, and what was heard late would show.
      ticks_left_ = std::min(ticks_left_, 100);
    } else if (const auto* failed = std::get_if<realtime::Failed>(&event.what)) {
      ADD_FAILURE() << failed->error.message;
    }
  }

  app::Runtime& runtime_;
  EchoRoom room_;
  std::vector<float> near_;
  double near_began_ms_ = -1;
  std::optional<audio::Resampler> resampler_;
  bool answering_ = false, sent_ = false;
  int64_t voice_samples_ = 0;
  int ticks_left_ = 0;
  Heard heard_;
  std::shared_ptr<std::atomic<bool>> finished_;
  std::unique_ptr<realtime::Session> session_;  // first to go
};

class EchoTalk : public testing::Test {
 protected:
  void SetUp() override {
    app::AppConfig config;
    config.talk.speak.lowered_by = realtime::LoweredBy::kPlayer;
    // The public weights talk longer than ours: more echo, and time to interrupt it.
    auto loaded = app::Runtime::Load(config, "smollm2-135m-instruct", app::Pace::kSimulated);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    runtime = *std::move(loaded);
  }
  static std::string Room(int run) { return "rir" + std::to_string(1 + run % 4); }
  static double EchoDb(int run) {
    return std::array{-6.0, -13.0, -20.0}[static_cast<size_t>(run / 4 % 3)];
  }

  std::unique_ptr<app::Runtime> runtime;
};

TEST_F(EchoTalk, NeverInterruptsItself) {
  int lowered = 0, interrupted = 0;
  double erle = 0;
  for (int run = 0; run < Runs(); run += 2) {
    // A cold canceller, then a warm one.
    EchoDesk desk(*runtime, Room(run / 2), EchoDb(run / 2));
    for (const int answer : {run, run + 1}) {
      const Heard heard = desk.Ask(kQuestions[static_cast<size_t>(answer) % kQuestions.size()]);
      EXPECT_TRUE(heard.answered) << answer;
      if (heard.interrupted) {
        ++interrupted;
        std::printf("answer %d in %s at %.0f dB:%s; answered from %.0f to %.0f\n", answer,
                    Room(run / 2).c_str(), EchoDb(run / 2), heard.how.c_str(), heard.first_sound_ms,
                    heard.done_ms);
      }
      lowered += heard.lowered ? 1 : 0;
    }
    erle += desk.path().canceller().erle_db();
  }
  EXPECT_EQ(interrupted, 0);
  RecordProperty("answers", std::to_string(Runs()));
  RecordProperty("interrupted", std::to_string(interrupted));
  RecordProperty("lowered", std::to_string(lowered));
  std::printf("%d answers, %d interrupted by themselves, lowered %d times, echo %.1f dB down\n",
              Runs(), interrupted, lowered, 2 * erle / Runs());
}

TEST_F(EchoTalk, NoticesAVoiceAsLoudAsItsEcho) {
  int noticed = 0, interrupted = 0, counted = 0;
  for (int run = 0; run < Runs(); ++run) {
    EchoDesk desk(*runtime, Room(run), EchoDb(run));
    const auto& clip = kInterruptions[static_cast<size_t>(run) % kInterruptions.size()];
    const std::vector<float> near = FromItsVoice(SpeechFile("conversation/" + clip + ".flac"));
    const Heard heard = desk.Ask(kQuestions[static_cast<size_t>(run) % kQuestions.size()], near);
    if (desk.near_began_ms() < 0) continue;  // the answer was over before
    ++counted;
    double after = -1;
    if (heard.lowered_ms >= 0) after = heard.lowered_ms - desk.near_began_ms();
    const bool in_time = after >= 0 && after <= 500;
    noticed += in_time ? 1 : 0;
    if (heard.interrupted) ++interrupted;
    std::printf("%s %s %.0f dB: lowered after %.0f ms, interrupted after %.0f ms of %.0f\n",
                clip.c_str(), Room(run).c_str(), EchoDb(run), after,
                heard.interrupted_ms < 0 ? -1 : heard.interrupted_ms - desk.near_began_ms(),
                heard.done_ms - desk.near_began_ms());
  }
  std::printf("noticed within 500 ms: %d of %d; interrupted: %d\n", noticed, counted, interrupted);
  EXPECT_GE(counted, Runs() * 9 / 10);
  EXPECT_GE(noticed, counted * 38 / 40);
  EXPECT_GE(interrupted, counted * 38 / 40);
}

}  // namespace
}  // namespace parley::test

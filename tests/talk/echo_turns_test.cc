// Forty answers beside their own loudspeaker, and forty interruptions of them: our voice in four measured
// rooms, its echo between -6 and -20 dB, through lines, sound path, voice detector and turn-taking as
// `parley talk` has them, on a simulated clock. No answer may even be lowered by its own echo, and
// a voice as loud as the echo must lower it within 500 ms.
//   PARLEY_FULL=1   also counts forty voices that are 10 dB quieter than the echo
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>

#include "audio_io/resampler.h"
#include "nn/voice_activity.h"
#include "realtime/turn/turn_taker.h"
#include "support/echo_room.h"
#include "tts/voice.h"

namespace parley::test {
namespace {

const std::vector<std::string> kAnswers = {
    "The bicycle stays upright by a combination of aerodynamics and the human body's ability to "
    "adapt to the "
    "environment. When you're riding, your body is designed to move efficiently through the air, "
    "but it's also "
    "equipped with a system that helps maintain its balance. The airbag in front of you is "
    "designed to cushion your "
    "landing, which helps to reduce the impact of your weight.",
    "Once upon a time a dog lived by a wide river. Every morning he ran along the bank and barked "
    "at the boats. One day "
    "he saw a child in the water, jumped in, and pulled her back to the shore.",
    "The sky is blue because air scatters short waves of light more than long ones. In the evening "
    "the light comes a "
    "longer way through the air, so most of the blue is gone, and what is left looks orange and "
    "red.",
    "For six guests I would cook a large pot of vegetable soup, then roast chicken with potatoes "
    "and lemon. Put "
    "everything into one pan, and you have an hour to talk. For dessert, baked apples with "
    "cinnamon are easy and cheap.",
    "Paris is a very big city in France with a tall iron tower. There is a river in the middle "
    "with many bridges, and "
    "little boats go up and down. People sit outside, drink coffee, and eat bread that crunches.",
    "An airplane flies because its wings push air down, and the air pushes the wings up. The "
    "engines move it forward "
    "fast enough for that. When the pilot lifts the nose, the wings push more air, and the plane "
    "climbs.",
    "Walking is good for the heart, the lungs and the mood. Half an hour a day is enough to notice "
    "it. You need no "
    "equipment but a pair of shoes, you may meet your neighbours, and you will probably sleep "
    "better at night.",
    "People have baked bread for more than ten thousand years. The first breads were flat and "
    "hard. In Egypt somebody "
    "left the dough in the sun, wild yeast got into it, and it began to rise. Since then bread has "
    "been soft.",
    "A computer remembers things with many small switches. Each of them is either on or off. Eight "
    "together can be a "
    "letter, and millions of them a picture. Some forget everything without electricity, others "
    "keep it for years.",
    "A lake is surrounded by land, and its water usually comes from rivers and rain. A sea is much "
    "larger, it is salty, "
    "and it is joined to an ocean. The Caspian Sea is called a sea, but it is in fact the largest "
    "lake of all."};

// As the program has it: 16 kHz.
std::vector<Sound> Spoken() {
  std::vector<Sound> answers;
  auto voice = tts::OpenVoice(ModelDir("piper-en-us-joe"), {});
  if (!voice.has_value()) {
    ADD_FAILURE() << voice.error().message;
    return answers;
  }
  for (const std::string& text : kAnswers) {
    audio::Resampler resampler((*voice)->sample_rate_hz(), 16000);
    Sound sound;
    const auto take = [&](std::span<const float> more) {
      sound.insert(sound.end(), more.begin(), more.end());
    };
    const Status spoken = (*voice)->Speak(CallerText(text), {}, [&](const tts::SpeechChunk& chunk) {
      take(resampler.Push(chunk.samples));
      return true;
    });
    EXPECT_TRUE(spoken.has_value());
    take(resampler.Flush());
    answers.push_back(std::move(sound));
  }
  return answers;
}

struct Voice {  // over an answer
  Sound sound;
  int begins_ms = 0;  // after the first sound
  double over_echo_db = 0;
};

struct Told {
  double lowered_ms = -1, interrupted_ms = -1;  // from the first sound of the answer
};

// A desk without words: whoever speaks is known by his voice alone.
class EchoTurns {
 public:
  EchoTurns(const nn::VoiceActivity& ears, const std::string& room, double echo_db)
      : room_(room, echo_db, [this] { return ticks_ * 10'000'000; }), ears_(*ears.Another()) {
    for (int i = 0; i < 50; ++i) Tick();
  }

  Told Answer(const Sound& answer, const Voice& voice = {}) {
    told_ = {};
    taker_.OnAnswer(now());
    room_.loudspeaker().AnswerBegins();
    answer_tick_ = ticks_;
    size_t sent = 0;
    // A second ahead, as the talk sends it.
    while (sent < answer.size() || !room_.loudspeaker().drained()) {
      if (!voice.sound.empty() && ticks_ - answer_tick_ == voice.begins_ms / 10) {
        room_.Speak(voice.sound, voice.over_echo_db);
      }
      const size_t ahead = static_cast<size_t>(room_.loudspeaker().queued());
      if (sent < answer.size() && ahead < 16000) {
        const size_t n = std::min(answer.size() - sent, 16000 - ahead);
        sent += room_.loudspeaker().Play(std::span(answer).subspan(sent, n));
        if (sent == answer.size()) room_.loudspeaker().AnswerSent();
      }
      Tick();
      if (told_.interrupted_ms >= 0) return told_;
    }
    // A second more: the room still sounds.
    Do(taker_.AnswerOver(now()));
    for (int i = 0; i < 100; ++i) Tick();
    return told_;
  }

 private:
  Time now() const { return Time(milliseconds(ticks_ * 10)); }
  double SinceAnswer() const { return 10.0 * static_cast<double>(ticks_ - answer_tick_); }

  void Tick() {
    ++ticks_;
    room_.Tick([this](PcmView sound) {
      const auto probabilities = ears_->Push(sound);
      ASSERT_TRUE(probabilities.has_value());
      for (const float p : *probabilities) {
        frames_ += 1;
        Do(taker_.OnFrame(Time(frames_ * realtime::kVoiceFrame), p));
      }
    });
  }

  void Do(realtime::TurnTaker::Actions actions) {
    using namespace realtime::turn;
    for (const Action& action : actions) {
      if (std::holds_alternative<Duck>(action)) {
        room_.loudspeaker().SetGain(0.18F);
        if (told_.lowered_ms < 0) told_.lowered_ms = SinceAnswer();
      } else if (std::holds_alternative<Unduck>(action)) {
        room_.loudspeaker().SetGain(1);
      } else if (std::holds_alternative<BargeIn>(action) ||
                 std::holds_alternative<SpeechStarted>(action)) {
        room_.loudspeaker().Cut();
        if (told_.interrupted_ms < 0) told_.interrupted_ms = SinceAnswer();
      }
    }
  }

  int64_t ticks_ = 0, answer_tick_ = 0, frames_ = 0;
  EchoRoom room_;
  std::unique_ptr<nn::VoiceActivity> ears_;
  realtime::TurnTaker taker_{{}};
  Told told_;
};

struct Desks {
  const nn::VoiceActivity& ears;
  const std::vector<Sound>& answers;
};

// Echoes are mostly loud: that is where it is hard.
double EchoDb(size_t run) { return std::array{-6, -6, -10, -15, -20}[run % 5]; }
std::string Room(size_t run) { return "rir" + std::to_string(1 + run % 4); }

int CountLoweredByThemselves(const Desks& desks) {
  int lowered = 0;
  for (size_t room = 0; room < 4; ++room) {
    for (size_t pair = 0; pair < desks.answers.size() / 2; ++pair) {
      EchoTurns desk(desks.ears, Room(room), EchoDb(pair));
      for (const size_t answer : {2 * pair, 2 * pair + 1}) {  // a cold canceller, then a warm one
        const Told told = desk.Answer(desks.answers[answer]);
        if (told.lowered_ms < 0 && told.interrupted_ms < 0) continue;
        ++lowered;
        std::printf("answer %zu in %s at %.0f dB: lowered at %.0f ms, interrupted at %.0f ms\n",
                    answer, Room(room).c_str(), EchoDb(pair), told.lowered_ms, told.interrupted_ms);
      }
    }
  }
  return lowered;
}

struct Noticed {
  int early = 0, in_time = 0, interrupted = 0;
  std::vector<double> after_ms;
};

Noticed Interrupt(const Desks& desks, double over_echo_db) {
  const std::vector<std::string> clips = {"turn_000", "turn_002", "turn_004", "turn_006",
                                          "turn_008", "turn_010", "turn_012", "turn_016"};
  Noticed noticed;
  for (size_t run = 0; run < 40; ++run) {
    EchoTurns desk(desks.ears, Room(run), EchoDb(run / 4));
    const std::string& clip = clips[run / 2 % clips.size()];
    const int begins_ms = 2500 + 130 * static_cast<int>(run);
    const Told told =
        desk.Answer(desks.answers[run % desks.answers.size()],
                    {.sound = FromItsVoice(SpeechFile("conversation/" + clip + ".flac")),
                     .begins_ms = begins_ms,
                     .over_echo_db = over_echo_db});
    const double after_ms = told.lowered_ms - begins_ms;
    const bool early = told.lowered_ms >= 0 && after_ms <= 0;
    const bool in_time = after_ms > 0 && after_ms <= 500;
    noticed.early += early ? 1 : 0;
    noticed.in_time += in_time ? 1 : 0;
    noticed.interrupted += told.interrupted_ms > begins_ms ? 1 : 0;
    noticed.after_ms.push_back(after_ms);
    if (in_time) continue;
    std::printf("%s in %s at %.0f dB, %d ms into its answer: lowered after %.0f ms\n", clip.c_str(),
                Room(run).c_str(), EchoDb(run / 4), begins_ms, after_ms);
  }
  std::sort(noticed.after_ms.begin(), noticed.after_ms.end());
  std::printf(
      "40 voices of %.0f dB: %d noticed within 500 ms, %d stopped the answer; half of them "
      "lowered it within %.0f ms\n",
      over_echo_db, noticed.in_time, noticed.interrupted, noticed.after_ms[20]);
  return noticed;
}

// One test for both, because the answers are spoken but once.
TEST(EchoTurns, FortyAnswersStandAndFortyInterruptionsAreNoticed) {
  const auto ears = nn::LoadSilero(ModelDir("silero-vad") + "/silero_vad_openvino_16k.onnx");
  ASSERT_TRUE(ears.has_value()) << ears.error().message;
  const std::vector<Sound> answers = Spoken();
  ASSERT_EQ(answers.size(), kAnswers.size());
  const Desks desks{**ears, answers};

  const int lowered = CountLoweredByThemselves(desks);
  std::printf("40 answers, %d lowered by themselves\n", lowered);
  EXPECT_EQ(lowered, 0);

  const Noticed noticed = Interrupt(desks, 0);
  EXPECT_EQ(noticed.early, 0);
  EXPECT_GE(noticed.in_time, 38);
  EXPECT_GE(noticed.interrupted, 38);
  if (std::getenv("PARLEY_FULL") != nullptr) Interrupt(desks, -10);
}

}  // namespace
}  // namespace parley::test

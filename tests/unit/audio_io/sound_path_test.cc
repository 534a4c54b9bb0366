// The path from a microphone beside a loudspeaker, on simulated devices whose clocks disagree: an
// hour of it loses nothing, delays nothing and stays aligned.
// SPDX-License-Identifier: Apache-2.0
#include "audio_io/sound_path.h"

#include <gtest/gtest.h>

#include <ctime>
#include <deque>
#include <random>

#include "audio_io/sound_file.h"
#include "support/echo_scene.h"
#include "support/paths.h"

namespace parley::audio {
namespace {

constexpr int kDeviceRate = 48000;
constexpr size_t kFrame = 480;

// Two devices that call back when their own clocks say so, up to `jitter_ms` late.
class Desk {
 public:
  struct Options {
    double microphone_ppm = 0, loudspeaker_ppm = 0;
    double jitter_ms = 2;
  };
  explicit Desk(const Options& options)
      : options_(options),
        microphone_(kDeviceRate, [this] { return now_ns_; }),
        loudspeaker_(kDeviceRate, 30, [this] { return now_ns_; }),
        path_(microphone_, loudspeaker_, true) {}

  // `hear(t)`: what the microphone hears at the true time t, given all that has left the loudspeaker.
  template <class Hear>
  void Run(double seconds, Hear hear) {
    const double until = now_s() + seconds;
    while (true) {
      const double next = std::min(Due(microphone_.captured(), options_.microphone_ppm),
                                   Due(loudspeaker_.given(), options_.loudspeaker_ppm));
      if (next > until) break;
      const bool mic = Due(microphone_.captured(), options_.microphone_ppm) <= next;
      const double late = jitter_(random_) * options_.jitter_ms / 1000;
      now_ns_ = std::max(now_ns_, static_cast<int64_t>((next + late) * 1e9));
      std::array<float, kFrame> frame{};
      if (!mic) {
        loudspeaker_.FillFrames(frame);
        continue;
      }
      hear(frame);
      microphone_.OnFrames(frame);
      path_.Step([this](PcmView block) {
        given_ += static_cast<int64_t>(block.size());
        for (const float x : block) {
          if (std::abs(x) > 0.1F && !loud_at_s_) loud_at_s_ = now_s();
        }
        if (keep_) heard_.insert(heard_.end(), block.begin(), block.end());
      });
    }
    now_ns_ = std::max(now_ns_, static_cast<int64_t>(until * 1e9));
  }

  double now_s() const { return static_cast<double>(now_ns_) * 1e-9; }
  // How far what the talk has got is behind the wall clock.
  double behind_ms() const { return 1000 * (now_s() - static_cast<double>(given_) / 16000); }

  double Due(int64_t samples, double ppm) const {
    return static_cast<double>(samples + static_cast<int64_t>(kFrame)) / kDeviceRate /
           (1 + ppm * 1e-6);
  }

  const Options options_;
  int64_t now_ns_ = 0, given_ = 0;
  std::mt19937 random_{3};
  std::uniform_real_distribution<double> jitter_{0, 1};
  CaptureLine microphone_;
  PlaybackLine loudspeaker_;
  SoundPath path_;
  bool keep_ = false;
  std::vector<float> heard_;
  std::optional<double> loud_at_s_;  // when the talk got the first loud sample
};

TEST(SoundPath, AnHourOfDriftingClocksLosesNothingAndDelaysNothing) {
  struct Clocks {
    double mic, speaker;
    int seconds;
  };
  for (const auto& [mic, speaker, seconds] :
       {Clocks{200, 0, 3600}, Clocks{-200, 0, 600}, Clocks{100, -100, 600}}) {
    Desk desk({.microphone_ppm = mic, .loudspeaker_ppm = speaker});
    const std::vector<float> answer(kDeviceRate * 3 / 10, 1e-5F);
    double slowest = 0, fastest = 1e9, misread = 0;
    int64_t realigned = 0;
    for (int second = 0; second < seconds; ++second) {
      // An answer of six seconds every ten, sent ahead as the talk does.
      if (second % 10 == 0) desk.loudspeaker_.AnswerBegins();
      for (int part = 0; part < 4; ++part) {
        if (second % 10 < 6) desk.loudspeaker_.Play(std::span(answer).first(12000));
        desk.Run(0.25, [](std::span<float>) {});
      }
      if (second % 10 == 6) desk.loudspeaker_.AnswerSent();
      if (second == 120) realigned = desk.path_.realigned();
      if (second < 120) continue;
      slowest = std::max(slowest, desk.behind_ms());
      fastest = std::min(fastest, desk.behind_ms());
      misread = std::max(misread, std::abs(desk.path_.misread_ms()));
    }
    EXPECT_EQ(desk.microphone_.lost(), 0);
    EXPECT_EQ(desk.loudspeaker_.refused(), 0);
    EXPECT_EQ(desk.path_.late(), 0);
    EXPECT_EQ(desk.path_.realigned(), realigned);
    EXPECT_LT(slowest - fastest, 25) << "the delay wanders";  // a block and the jitter are in it
    EXPECT_LT(slowest, 35);
    EXPECT_LT(misread, 1.0);
    EXPECT_NEAR(desk.path_.microphone_ppm(), mic, 10);
    EXPECT_NEAR(desk.path_.loudspeaker_ppm(), speaker - mic, 10);
  }
}

TEST(SoundPath, ClocksThatAgreeAreNotTouched) {
  Desk desk({});
  desk.keep_ = true;
  float n = 0;
  desk.Run(20, [&](std::span<float> frame) {
    for (float& x : frame) x = 0.1F * std::sin(0.05F * n++);
  });
  EXPECT_EQ(desk.path_.microphone_ppm(), 0);
  EXPECT_EQ(desk.path_.loudspeaker_ppm(), 0);
  EXPECT_EQ(desk.path_.realigned(), 0);
}

// From the air to the talk: 10 ms of a frame, 2.5 of a resampler, 10 of the canceller, 1 of the
// reader; then the rest of the block it is in.
TEST(SoundPath, AddsLessThanThirtyMilliseconds) {
  Desk desk({.jitter_ms = 0});
  bool clicked = false;
  desk.Run(3, [&](std::span<float> frame) {
    if (desk.now_s() < 2 || clicked) return;
    frame[0] = 0.9F;  // the first of a frame has waited for all others
    clicked = true;
  });
  ASSERT_TRUE(desk.loud_at_s_.has_value());
  const double delay_ms = 1000 * (*desk.loud_at_s_ - (2.0 - 0.01));
  RecordProperty("delay_ms", std::to_string(delay_ms));
  std::printf("%.1f ms from the air to the talk\n", delay_ms);
  EXPECT_LE(delay_ms, 30);
  EXPECT_GE(delay_ms, 13);  // it cannot be faster than its parts
}

// The canceller does its work on the devices' lines, also when the clocks drift by 200 ppm.
TEST(SoundPath, TheEchoIsTakenWhileClocksDrift) {
  const auto far = ReadSound(test::DataDir() + "/speech/synthetic/answers.ogg", 600, kDeviceRate);
  auto response = ReadSound(test::DataDir() + "/speech/rooms/rir4.flac", 600, kDeviceRate);
  ASSERT_TRUE(far.has_value() && response.has_value());
  response->insert(response->begin(), kDeviceRate * 40 / 1000, 0.0F);  // the devices' own delay
  const std::vector<float> echo = test::Convolve(*far, *response);
  const double gain = std::sqrt(0.25 * test::Power(*far) / test::Power(echo));
  for (const double ppm : {0.0, 200.0}) {
    Desk desk({.microphone_ppm = ppm});
    desk.Run(60, [](std::span<float>) {});
    VarispeedReader room;  // what the microphone hears is read at its own speed
    room.Push(std::span(echo).first(14000));
    desk.keep_ = true;
    const size_t before = desk.heard_.size();
    desk.loudspeaker_.AnswerBegins();
    const double began = static_cast<double>(desk.loudspeaker_.given());
    size_t sent = 0, pushed = 14000;
    double heard_power = 0;
    std::clock_t cpu = 0;
    for (int part = 0; part < 56; ++part) {
      const size_t n = std::min<size_t>(far->size() - sent, part == 0 ? 36000 : 12000);
      sent += desk.loudspeaker_.Play(std::span(*far).subspan(sent, n));
      const size_t more = std::min<size_t>(echo.size() - pushed, 12000);
      room.Push(std::span(echo).subspan(pushed, more));
      pushed += more;
      const std::clock_t begin = std::clock();
      desk.Run(0.25, [&](std::span<float> frame) {
        // Loudspeaker samples that have left when this frame ends.
        const double end =
            static_cast<double>(desk.microphone_.captured() + static_cast<int64_t>(kFrame)) /
                (1 + ppm * 1e-6) -
            began;
        double position = end - static_cast<double>(kFrame) / (1 + ppm * 1e-6);
        if (position < 0 || !room.Read(position, 1 / (1 + ppm * 1e-6), frame)) return;
        for (float& x : frame) x = static_cast<float>(x * gain);
        if (part >= 12) heard_power += test::Power(frame) * static_cast<double>(kFrame);
      });
      cpu += std::clock() - begin;
    }
    // Both lines, the resamplers, the clocks and the canceller, and the room that the test reads.
    const double share = static_cast<double>(cpu) / CLOCKS_PER_SEC / (56 * 0.25);
    std::printf("echo %.1f ppm: %.2f %% of one core\n", ppm, 100 * share);
    RecordProperty(ppm == 0 ? "cpu_share" : "cpu_share_drift", std::to_string(share));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    EXPECT_LE(share, 0.05);
#endif
    const std::span<const float> left = std::span(desk.heard_).subspan(before + 3 * 16000);
    const double erle = test::Db(heard_power / kDeviceRate) -
                        test::Db(test::Power(left) * static_cast<double>(left.size()) / 16000);
    RecordProperty(ppm == 0 ? "erle_db" : "erle_drift_db", std::to_string(erle));
    EXPECT_GE(erle, 25) << ppm;
    EXPECT_EQ(desk.loudspeaker_.gaps(), 0);
  }
}

}  // namespace
}  // namespace parley::audio

// The lines between a device's callback and its worker: what is played, cut, lowered and counted,
// and that a callback allocates nothing (operator new is counted).
// SPDX-License-Identifier: Apache-2.0
#include "audio_io/device_lines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "audio_io/resampler.h"
#include "support/allocation_counter.h"

namespace parley::audio {
namespace {

constexpr int kRate = 48000;
constexpr size_t kFrame = 480;

std::vector<float> Ones(size_t n) { return std::vector<float>(n, 1.0F); }

std::vector<float> Played(PlaybackLine& line) {
  std::vector<float> frame(kFrame, 7.0F);
  line.FillFrames(frame);
  return frame;
}

TEST(PlaybackLine, PlaysWhatItIsGivenAndThenSilence) {
  PlaybackLine line(kRate, 0, SteadyNanoseconds);
  line.AnswerBegins();
  EXPECT_EQ(line.Play(Ones(500)), 500u);
  line.AnswerSent();
  EXPECT_EQ(Played(line), Ones(kFrame));
  EXPECT_EQ(line.heard(), 480);
  std::vector<float> rest(kFrame);
  std::fill_n(rest.begin(), 20, 1.0F);
  EXPECT_EQ(Played(line), rest);
  EXPECT_EQ(line.heard(), 500);
  EXPECT_TRUE(line.drained());
  EXPECT_EQ(line.gaps(), 0);
  EXPECT_EQ(line.given(), 960);
}

TEST(PlaybackLine, CountsAnAnswerThatRunsDryOnceForEachGap) {
  PlaybackLine line(kRate, 0, SteadyNanoseconds);
  Played(line);
  EXPECT_EQ(line.gaps(), 0);  // nobody speaks
  line.AnswerBegins();
  line.Play(Ones(100));
  Played(line);
  Played(line);
  EXPECT_EQ(line.gaps(), 1);
  line.Play(Ones(kFrame));
  Played(line);
  line.AnswerSent();
  Played(line);
  EXPECT_EQ(line.gaps(), 1);
}

// From the engine to the device, at the worst moment: a frame has just been taken. The device's own
// latency comes on top.
TEST(PlaybackLine, AddsLessThanFortyMilliseconds) {
  constexpr int kVoiceRate = 22050;
  Resampler resampler(kVoiceRate, kRate);
  PlaybackLine line(kRate, 0, SteadyNanoseconds);
  Played(line);  // at 0 ms; the next at 10
  line.AnswerBegins();
  std::vector<float> sound(kVoiceRate / 5);
  sound[0] = 0.9F;
  line.Play(resampler.Push(sound));
  std::vector<float> played;
  while (played.size() < kRate / 10) {
    const std::vector<float> frame = Played(line);
    played.insert(played.end(), frame.begin(), frame.end());
  }
  const auto loudest = std::max_element(played.begin(), played.end());
  ASSERT_GT(*loudest, 0.3F);
  const double added_ms = 10 + 1000.0 * static_cast<double>(loudest - played.begin()) / kRate;
  RecordProperty("added_ms", std::to_string(added_ms));
  std::printf("%.1f ms from the engine to the device\n", added_ms);
  EXPECT_LE(added_ms, 40);
}

TEST(PlaybackLine, HasBeenHeardWhenItHasLeftTheDevice) {
  PlaybackLine line(kRate, 15, SteadyNanoseconds);  // 720 samples
  line.AnswerBegins();
  line.Play(Ones(2 * kFrame));
  line.AnswerSent();
  Played(line);
  EXPECT_EQ(line.heard(), 0);
  Played(line);
  EXPECT_EQ(line.heard(), 240);
  EXPECT_FALSE(line.drained());
  Played(line);
  EXPECT_EQ(line.heard(), 720);
  Played(line);
  EXPECT_EQ(line.heard(), 960);
  EXPECT_TRUE(line.drained());
  // The next answer is counted from its own beginning.
  line.AnswerBegins();
  EXPECT_EQ(line.heard(), 0);
}

TEST(PlaybackLine, ACutFadesWithinFiveMillisecondsAndPlaysWhatComesAfterIt) {
  PlaybackLine line(kRate, 0, SteadyNanoseconds);
  line.AnswerBegins();
  line.Play(Ones(10 * kFrame));
  Played(line);
  line.Cut();
  const std::vector<float> fade = Played(line);
  EXPECT_GT(fade[0], 0.9F);
  EXPECT_TRUE(std::is_sorted(fade.rbegin(), fade.rend()));
  EXPECT_EQ(fade[240], 0.0F);
  EXPECT_EQ(line.gaps(), 0);
  line.AnswerBegins();
  line.Play(Ones(kFrame));
  EXPECT_EQ(Played(line), Ones(kFrame));
}

TEST(PlaybackLine, AnAnswerBehindACutInTheSameFrameIsPlayed) {
  PlaybackLine line(kRate, 0, SteadyNanoseconds);
  line.AnswerBegins();
  line.Play(Ones(5 * kFrame));
  line.Cut();
  line.AnswerBegins();
  line.Play(std::vector<float>(kFrame, 0.5F));
  const std::vector<float> frame = Played(line);
  EXPECT_EQ(frame[240], 0.5F);  // behind the fade
  EXPECT_EQ(line.heard(), 240);
}

TEST(PlaybackLine, LowersWithoutAStep) {
  PlaybackLine line(kRate, 0, SteadyNanoseconds);
  line.AnswerBegins();
  line.Play(Ones(10 * kFrame));
  line.SetGain(0.25F);
  std::vector<float> sound;
  for (int i = 0; i < 3; ++i) {
    for (const float x : Played(line)) sound.push_back(x);
  }
  for (size_t i = 1; i < sound.size(); ++i) EXPECT_LE(std::abs(sound[i] - sound[i - 1]), 0.0011F);
  EXPECT_FLOAT_EQ(sound.back(), 0.25F);
  // The canceller gets what was played, not what was sent.
  std::vector<float> played(3 * kFrame);
  EXPECT_EQ(line.TakePlayed(played), played.size());
  EXPECT_EQ(played, sound);
}

TEST(PlaybackLine, RefusesAndCountsWhatDoesNotFit) {
  PlaybackLine line(kRate, 0, SteadyNanoseconds);
  line.AnswerBegins();
  const size_t taken = line.Play(Ones(5 * kRate));
  EXPECT_EQ(line.refused(), 5 * kRate - static_cast<int64_t>(taken));
}

TEST(CaptureLine, GivesWhatTheDeviceTookAndWakesItsWorker) {
  CaptureLine line(kRate, SteadyNanoseconds);
  std::jthread device([&] { line.OnFrames(Ones(kFrame)); });
  ASSERT_TRUE(line.Wait(5000));
  std::vector<float> out(kFrame + 1);
  EXPECT_EQ(line.Take(out), kFrame);
  EXPECT_EQ(line.captured(), 480);
}

TEST(CaptureLine, AWaitEndsWhenTheDeviceIsSilent) {
  CaptureLine line(kRate, SteadyNanoseconds);
  EXPECT_FALSE(line.Wait(1));
}

TEST(DeviceLines, TellTheEarliestEpoch) {
  int64_t now = 0;
  CaptureLine line(kRate, [&now] { return now; });
  const std::vector<float> frame(kFrame);
  for (const int64_t late : {3'000'000, 1'000'000, 7'000'000}) {
    now = (line.captured() + 480) * 1'000'000'000 / kRate + late;
    line.OnFrames(frame);
  }
  EXPECT_EQ(line.TakeEpoch(), 1'000'000);
  EXPECT_EQ(line.TakeEpoch(), std::nullopt);
}

TEST(DeviceLines, ACallbackAllocatesNothing) {
  CaptureLine in(kRate, SteadyNanoseconds);
  PlaybackLine out(kRate, 20, SteadyNanoseconds);
  std::vector<float> frame = Ones(kFrame);
  out.AnswerBegins();
  out.Play(Ones(20 * kFrame));
  const int64_t before = test::allocations_of_this_thread;
  for (int i = 0; i < 200; ++i) {  // dry and full, lowered, cut, overrun
    in.OnFrames(frame);
    out.FillFrames(frame);
    if (i == 3) out.SetGain(0.3F);
    if (i == 5) out.Cut();
  }
  EXPECT_EQ(test::allocations_of_this_thread, before);
  EXPECT_NE(Ones(1).size() + static_cast<size_t>(test::allocations_of_this_thread - before),
            1u);  // it does count
}

}  // namespace
}  // namespace parley::audio

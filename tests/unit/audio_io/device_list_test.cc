// SPDX-License-Identifier: Apache-2.0
#include "audio_io/device_list.h"

#include <gtest/gtest.h>

namespace parley::audio {
namespace {

std::vector<DeviceInfo> Desk() {
  return {{.number = 0,
           .name = "HDA Intel: ALC257",
           .host = "ALSA",
           .in_channels = 2,
           .out_channels = 2,
           .default_rate_hz = 44100,
           .default_in = true,
           .default_out = true},
          {.number = 1,
           .name = "USB Headset Mono",
           .host = "ALSA",
           .in_channels = 1,
           .out_channels = 2,
           .default_rate_hz = 48000},
          {.number = 2, .name = "USB Headset", .host = "ALSA", .in_channels = 1, .out_channels = 0},
          {.number = 3, .name = "HDMI 0", .host = "ALSA", .out_channels = 8}};
}

std::string Chosen(std::string_view wanted, Direction direction) {
  const auto chosen = ChooseDevice(Desk(), wanted, direction);
  return chosen.has_value() ? chosen->name : "! " + chosen.error().message;
}

TEST(ChooseDevice, TakesANumberAPartOfANameOrTheDefault) {
  EXPECT_EQ(Chosen("", Direction::kIn), "HDA Intel: ALC257");
  EXPECT_EQ(Chosen("1", Direction::kOut), "USB Headset Mono");
  EXPECT_EQ(Chosen("hdmi", Direction::kOut), "HDMI 0");
  EXPECT_EQ(Chosen("headset mono", Direction::kIn), "USB Headset Mono");
}

TEST(ChooseDevice, TakesTheWholeNameWhereOthersContainIt) {
  EXPECT_EQ(Chosen("usb headset", Direction::kIn), "USB Headset");
}

TEST(ChooseDevice, CountsOnlyDevicesOfTheDirection) {
  EXPECT_EQ(Chosen("usb", Direction::kOut), "USB Headset Mono");
  EXPECT_EQ(Chosen("3", Direction::kIn),
            "! device 3 (HDMI 0) is no microphone; there are: 0 HDA Intel: ALC257, 1 USB Headset "
            "Mono, 2 USB Headset");
}

TEST(ChooseDevice, SaysWhatThereIs) {
  EXPECT_EQ(Chosen("headset", Direction::kIn),
            "! \"headset\" is a part of several names: 1 USB Headset Mono, 2 USB Headset; take the "
            "number");
  EXPECT_EQ(Chosen("webcam", Direction::kIn),
            "! there is no microphone \"webcam\"; there are: 0 HDA Intel: ALC257, 1 USB Headset "
            "Mono, 2 USB Headset");
  EXPECT_EQ(Chosen("9", Direction::kOut).rfind("! there is no loudspeaker \"9\"", 0), 0u);
  const auto none = ChooseDevice({}, "", Direction::kIn);
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, Code::kNotFound);
}

int RateOf(double own, std::vector<int> runs) {
  const auto rate = ChooseRate(
      own, [&](int hz) { return std::find(runs.begin(), runs.end(), hz) != runs.end(); });
  return rate.has_value() ? *rate : -1;
}

TEST(ChooseRate, PrefersWhatConvertsBest) {
  EXPECT_EQ(RateOf(44100, {44100, 48000, 16000}), 48000);
  EXPECT_EQ(RateOf(48000, {16000, 8000}), 16000);
  EXPECT_EQ(RateOf(44100, {44100}), 44100);
  EXPECT_EQ(RateOf(44100, {96000}), -1);
  EXPECT_EQ(RateOf(0, {}), -1);
}

TEST(FrameChoices, BeginAtTenMilliseconds) {
  EXPECT_EQ(FrameChoices(48000), (std::vector<int>{480, 720, 960, 1920}));
  EXPECT_EQ(FrameChoices(44100).front(), 441);
}

TEST(DeviceTable, NamesEveryDeviceAndTheDefaults) {
  const std::string table = DeviceTable(Desk());
  EXPECT_NE(table.find("   0   2   2    44100  HDA Intel: ALC257 (ALSA), default microphone, "
                       "default loudspeaker\n"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("   3   0   8        0  HDMI 0 (ALSA)\n"), std::string::npos) << table;
  EXPECT_EQ(DeviceTable({}), "no sound devices\n");
}

// The smallest frames that run a minute without losing sound, but for a hiccup or two.
TEST(LossWatch, CountsTheLastMinute) {
  LossWatch at_once;
  EXPECT_TRUE(at_once.TooMany(3));
  LossWatch slowly;
  EXPECT_FALSE(slowly.TooMany(1));
  EXPECT_FALSE(slowly.TooMany(0));
  EXPECT_FALSE(slowly.TooMany(1));
  EXPECT_TRUE(slowly.TooMany(1));
  LossWatch hiccups;  // two in any minute
  for (int i = 0; i < 60; ++i) EXPECT_FALSE(hiccups.TooMany(i % 6 == 0 ? 2 : 0)) << i;
}

}  // namespace
}  // namespace parley::audio

// SPDX-License-Identifier: Apache-2.0
#include "audio_io/echo_gate.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace parley::audio {
namespace {

constexpr double kEcho = 0.01;  // -20 dBFS

// One block of a tone; what comes out, in dBFS, nothing as -200.
double Through(EchoGate& gate, double dbfs, double echo_power, bool active = true) {
  std::array<float, kEchoBlock> sound{};
  const double amplitude = std::sqrt(2 * std::pow(10, dbfs / 10));
  for (size_t i = 0; i < kEchoBlock; ++i) {
    sound[i] = static_cast<float>(amplitude * std::sin(0.3926990817 * static_cast<double>(i)));
  }
  gate.Process(active, echo_power, sound);
  double power = 0;
  for (const float x : sound) power += static_cast<double>(x) * x / kEchoBlock;
  return 10 * std::log10(power + 1e-20);
}

TEST(EchoGate, IsOpenWhereThereIsNoEcho) {
  EchoGate gate;
  for (int i = 0; i < 100; ++i) EXPECT_NEAR(Through(gate, -70, 0, false), -70, 0.1);
}

TEST(EchoGate, TakesWhatIsFarQuieterThanTheEcho) {
  EchoGate gate;
  for (int i = 0; i < 5; ++i) Through(gate, -45, kEcho);
  for (int i = 0; i < 100; ++i) EXPECT_LT(Through(gate, -45, kEcho), -190);
}

TEST(EchoGate, AVoiceOpensItAtOnceAndItsQuietEndsPass) {
  EchoGate gate;
  for (int i = 0; i < 10; ++i) Through(gate, -60, kEcho);
  EXPECT_GT(Through(gate, -30, kEcho), -36);
  EXPECT_NEAR(Through(gate, -30, kEcho), -30, 0.1);
  for (int i = 0; i < 8; ++i) EXPECT_NEAR(Through(gate, -45, kEcho), -45, 0.1) << i;
  for (int i = 0; i < 20; ++i) Through(gate, -45, kEcho);
  EXPECT_LT(Through(gate, -45, kEcho), -190);
}

// It has been open to the noise of the room, which says nothing about what comes now.
TEST(EchoGate, TheFirstEchoFindsItClosing) {
  EchoGate gate;
  for (int i = 0; i < 100; ++i) Through(gate, -70, 0, false);
  Through(gate, -71, 1e-7);
  Through(gate, -60, 1e-3);
  for (int i = 0; i < 4; ++i) Through(gate, -50, kEcho);
  EXPECT_LT(Through(gate, -50, kEcho), -190);
}

TEST(EchoGate, FallsMoreSlowlyThanARoomAndThenLetsAQuietVoiceThrough) {
  EchoGate gate;
  for (int i = 0; i < 20; ++i) Through(gate, -60, kEcho);
  // Half a second behind the echo its reverberation, 30 dB down, is no voice yet.
  for (int i = 0; i < 50; ++i) EXPECT_LT(Through(gate, -50, 0), -190) << i;
  // A second and a half behind, the same would be one: no room sounds so long.
  for (int i = 0; i < 100; ++i) Through(gate, -60, 0);
  EXPECT_GT(Through(gate, -50, 0), -56);
}

}  // namespace
}  // namespace parley::audio

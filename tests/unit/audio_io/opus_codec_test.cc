// SPDX-License-Identifier: Apache-2.0
#include "audio_io/opus_codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "features/loudness.h"
#include "support/signals.h"

namespace parley::audio {
namespace {

// A voice-like sound: harmonics of 150 Hz.
std::vector<float> Voice(size_t samples, int rate_hz) {
  std::vector<float> sound(samples);
  for (int h = 1; h <= 8; ++h) {
    const std::vector<float> tone = test::Tone(150.0 * h, samples, 0.2 / h, rate_hz);
    for (size_t i = 0; i < samples; ++i) sound[i] += tone[i];
  }
  return sound;
}

// One second from 200 to 3000 Hz.
std::vector<float> Sweep(size_t samples, int rate_hz) {
  std::vector<float> sound(samples);
  double phase = 0;
  for (size_t i = 0; i < samples; ++i) {
    const double hz = 200 + 2800 * static_cast<double>(i) / static_cast<double>(samples);
    phase += 2 * std::numbers::pi * hz / rate_hz;
    sound[i] = static_cast<float>(0.4 * std::sin(phase));
  }
  return sound;
}

class OpusAt : public ::testing::TestWithParam<int> {};

TEST_P(OpusAt, CarriesSoundWithTheDelayItStates) {
  const int rate = GetParam();
  auto encoder = OpusPacketEncoder::Create({.rate_hz = rate, .bit_rate = 64000});
  auto decoder = OpusPacketDecoder::Create(rate);
  ASSERT_TRUE(encoder && decoder);
  const size_t frame = OpusFrameSamples(rate);
  const std::vector<float> sound = Sweep(50 * frame, rate);
  std::vector<float> out;
  size_t bytes = 0;
  for (size_t at = 0; at < sound.size(); at += frame) {
    const auto packet = encoder->Encode(std::span(sound).subspan(at, frame));
    ASSERT_TRUE(packet) << packet.error().message;
    bytes += packet->size();
    const auto decoded = decoder->Decode(*packet);
    ASSERT_TRUE(decoded) << decoded.error().message;
    ASSERT_EQ(decoded->size(), frame);
    out.insert(out.end(), decoded->begin(), decoded->end());
  }
  EXPECT_LT(bytes, 64000u / 8u * 12u / 10u) << "one second at 64 kbit/s, and a fifth more";

  // Opus is no waveform coder, but a sweep, which is like itself at one lag only, shows the delay.
  const std::span<const float> heard = std::span(out).subspan(10 * frame);
  auto correlation = [&](size_t lag) {
    double sum = 0;
    for (size_t i = 0; i + lag < heard.size(); ++i) sum += heard[i + lag] * sound[10 * frame + i];
    return sum;
  };
  size_t best = 0;
  for (size_t lag = 1; lag <= frame; ++lag) {
    if (correlation(lag) > correlation(best)) best = lag;
  }
  EXPECT_NEAR(static_cast<double>(best), encoder->delay_samples(), rate / 2000.0) << "0.5 ms";
  EXPECT_LE(encoder->delay_samples(), rate / 100);
  EXPECT_NEAR(features::RmsDbfs(heard), features::RmsDbfs(sound), 1.5f);
}

INSTANTIATE_TEST_SUITE_P(Hz, OpusAt, ::testing::Values(8000, 12000, 16000, 24000, 48000));

TEST(OpusPacketDecoder, ConcealsALostPacket) {
  auto encoder = OpusPacketEncoder::Create({.rate_hz = 16000, .expected_loss = 20});
  auto decoder = OpusPacketDecoder::Create(16000);
  ASSERT_TRUE(encoder && decoder);
  const std::vector<float> sound = Voice(20 * 320, 16000);
  std::vector<std::vector<uint8_t>> packets;
  for (size_t at = 0; at < sound.size(); at += 320) {
    const auto packet = encoder->Encode(std::span(sound).subspan(at, 320));
    ASSERT_TRUE(packet);
    packets.emplace_back(packet->begin(), packet->end());
  }
  for (size_t i = 0; i < 10; ++i) ASSERT_TRUE(decoder->Decode(packets[i]));
  const auto guessed = decoder->Conceal();
  ASSERT_TRUE(guessed);
  ASSERT_EQ(guessed->size(), 320u);
  EXPECT_GT(features::RmsDbfs(*guessed), -30.0f) << "a gap in the middle of a vowel";
  const auto copied = decoder->Conceal(packets[12]);
  ASSERT_TRUE(copied);
  EXPECT_EQ(copied->size(), 320u);
  EXPECT_TRUE(decoder->Decode(packets[12]));
}

TEST(OpusPacketDecoder, GarbageIsRefusedAndTheNextPacketPlays) {
  auto encoder = OpusPacketEncoder::Create({.rate_hz = 16000});
  auto decoder = OpusPacketDecoder::Create(16000);
  ASSERT_TRUE(encoder && decoder);
  const auto packet = encoder->Encode(Voice(320, 16000));
  ASSERT_TRUE(packet);
  const std::vector<uint8_t> good(packet->begin(), packet->end());

  const auto none = decoder->Decode({});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kCorruptData);
  const std::vector<uint8_t> bad = {0x03};  // says "a number of frames follows", and none does
  EXPECT_FALSE(decoder->Decode(bad));
  uint64_t seed = 1;
  for (int round = 0; round < 2000; ++round) {  // whatever it says, it must not read beyond
    std::vector<uint8_t> noise(1 + static_cast<size_t>(round % 97));
    for (uint8_t& byte : noise) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      byte = static_cast<uint8_t>(seed >> 56);
    }
    const auto result = decoder->Decode(noise);
    if (result) {
      ASSERT_LE(result->size(), 16000u * 120u / 1000u);
    }
  }
  const auto after = decoder->Decode(good);
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->size(), 320u);
}

TEST(OpusCodec, RefusesWhatOpusCannot) {
  const auto rate = OpusPacketEncoder::Create({.rate_hz = 44100});
  ASSERT_FALSE(rate);
  EXPECT_NE(rate.error().message.find("44100"), std::string::npos);
  EXPECT_FALSE(OpusPacketDecoder::Create(22050));
  EXPECT_FALSE(OpusPacketEncoder::Create({.complexity = 11}));
}

}  // namespace
}  // namespace parley::audio

// SPDX-License-Identifier: Apache-2.0
#include "server/audio_port.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace parley::server {
namespace {

std::vector<float> Tone(int rate_hz, int ms, double hz = 300) {
  std::vector<float> sound(static_cast<size_t>(rate_hz * ms / 1000));
  for (size_t i = 0; i < sound.size(); ++i) {
    sound[i] = static_cast<float>(
        0.5 * std::sin(2 * std::numbers::pi * hz * static_cast<double>(i) / rate_hz));
  }
  return sound;
}

double Level(std::span<const float> sound) {
  double energy = 0;
  for (const float s : sound) energy += static_cast<double>(s) * s;
  return std::sqrt(energy / static_cast<double>(std::max<size_t>(1, sound.size())));
}

// What a client gets of a tone, and what a talk hears when the client sends the same back.
struct Loop {
  std::vector<std::string> messages;
  std::vector<float> heard;
};
Loop Through(const wire::AudioFormat& format) {
  auto out = AudioOut::Open(format, 22050);
  auto in = AudioIn::Open(format);
  Loop loop;
  const auto give = [&](std::string bytes) { loop.messages.push_back(std::move(bytes)); };
  const std::vector<float> tone = Tone(22050, 1000);
  for (size_t at = 0; at < tone.size(); at += 441) {
    out->Push(std::span(tone).subspan(at, std::min<size_t>(441, tone.size() - at)), give);
  }
  out->Flush(give);
  for (const std::string& message : loop.messages) {
    const auto sound = in->Push(message);
    EXPECT_TRUE(sound.has_value());
    loop.heard.insert(loop.heard.end(), sound->begin(), sound->end());
  }
  return loop;
}

TEST(AudioPort, GivesAndTakesEveryFormat) {
  const double wanted = Level(Tone(16000, 1000));
  for (const wire::AudioFormat& format :
       {wire::AudioFormat{"audio/pcm", 24000}, wire::AudioFormat{"audio/pcm", 8000},
        wire::AudioFormat{"audio/pcmu", std::nullopt},
        wire::AudioFormat{"audio/pcma", std::nullopt}, wire::AudioFormat{"audio/opus", 48000}}) {
    SCOPED_TRACE(format.type);
    const Loop loop = Through(format);
    EXPECT_NEAR(static_cast<double>(loop.heard.size()), 16000, 800);
    EXPECT_NEAR(Level(loop.heard), wanted, wanted * 0.15);
  }
}

TEST(AudioPort, OpusIsOnePacketOfTwentyMillisecondsAMessage) {
  const Loop loop = Through({"audio/opus", 48000});
  EXPECT_NEAR(static_cast<double>(loop.messages.size()), 50, 2);
  auto decoder = audio::OpusPacketDecoder::Create(48000);
  for (const std::string& packet : loop.messages) {
    EXPECT_FALSE(packet.starts_with("OggS"));
    const auto sound =
        decoder->Decode({reinterpret_cast<const uint8_t*>(packet.data()), packet.size()});
    ASSERT_TRUE(sound.has_value());
    EXPECT_EQ(sound->size(), 960U);
  }
}

TEST(AudioPort, ASampleMayBeCutInTwo) {
  auto whole = AudioIn::Open({"audio/pcm", 24000}), cut = AudioIn::Open({"audio/pcm", 24000});
  std::string bytes;
  for (int i = 0; i < 4800; ++i) {
    const auto value = static_cast<int16_t>(10'000 * std::sin(i * 0.1));
    bytes += static_cast<char>(value & 255);
    bytes += static_cast<char>(value >> 8 & 255);
  }
  const auto a = *whole->Push(bytes);
  const std::vector<float> one(a.begin(), a.end());
  std::vector<float> two;
  for (const auto& part : {bytes.substr(0, 1001), bytes.substr(1001)}) {
    const auto b = *cut->Push(part);
    two.insert(two.end(), b.begin(), b.end());
  }
  EXPECT_EQ(one, two);
}

TEST(AudioPort, NothingOfACutAnswerComesWithTheNext) {
  auto out = AudioOut::Open({"audio/opus", 48000}, 24000);
  size_t messages = 0;
  const auto give = [&](const std::string&) { ++messages; };
  out->Push(Tone(24000, 15), give);
  out->Reset();
  messages = 0;
  out->Push(Tone(24000, 10), give);
  EXPECT_EQ(messages, 0U) << "10 ms are no packet yet";
}

TEST(AudioPort, GarbageIsAnErrorAndTheNextPacketIsHeard) {
  auto in = AudioIn::Open({"audio/opus", 48000});
  EXPECT_FALSE(in->Push("\xff").has_value()) << "a packet that says it holds more";
  const Loop loop = Through({"audio/opus", 48000});
  EXPECT_TRUE(in->Push(loop.messages[5]).has_value());
}

}  // namespace
}  // namespace parley::server

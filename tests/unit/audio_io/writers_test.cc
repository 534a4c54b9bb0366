// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "audio_io/ogg_opus_writer.h"
#include "audio_io/sound_file.h"
#include "audio_io/wav_writer.h"
#include "features/loudness.h"
#include "support/signals.h"
#include "support/temp_file.h"

namespace parley::audio {
namespace {

TEST(WavWriter, WhatIsWrittenIsRead) {
  const test::TempFile file("wav");
  auto writer = WavWriter::Create(file.path(), 24000);
  ASSERT_TRUE(writer) << writer.error().message;
  std::vector<float> sound = test::Noise(30001, 0.9f);
  sound[5] = 2.0f;  // clipped
  sound[6] = -2.0f;
  sound[7] = std::nanf("");
  for (size_t at = 0; at < sound.size(); at += 777) {
    ASSERT_TRUE(
        writer->Write(std::span(sound).subspan(at, std::min<size_t>(777, sound.size() - at))));
  }
  EXPECT_EQ(writer->samples(), 30001);
  ASSERT_TRUE(writer->Close());
  EXPECT_EQ(file.Read().size(), 44u + 2u * 30001u);

  const auto back = ReadSound(file.path(), 10, 24000);
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_EQ(back->size(), sound.size());
  EXPECT_EQ((*back)[5], 32767.0f / 32768.0f);
  EXPECT_EQ((*back)[6], -1.0f);
  EXPECT_EQ((*back)[7], 0.0f);
  for (size_t i = 8; i < sound.size(); ++i) {
    ASSERT_NEAR((*back)[i], sound[i], 0.5f / 32768.0f + 1e-7f) << i;
  }
}

// The file as it is on the disk while the writer is still at work: what a crash would leave.
TEST(WavWriter, AnInterruptedFilePlays) {
  const test::TempFile file("wav");
  auto writer = WavWriter::Create(file.path());
  ASSERT_TRUE(writer);
  const std::vector<float> block = test::Tone(440, 1600);
  for (int i = 0; i < 25; ++i) ASSERT_TRUE(writer->Write(block));  // 2.5 s

  const test::TempFile copy("copy.wav");
  copy.Write(file.Read());
  const auto left = ReadSound(copy.path());
  ASSERT_TRUE(left) << left.error().message;
  EXPECT_GE(left->size(), 2u * 16000u);
  EXPECT_NEAR(features::RmsDbfs(*left), -9.03f, 0.05f);
}

TEST(WavWriter, NoSamplesAreAValidFileOfNoSamples) {
  const test::TempFile file("wav");
  {
    const auto writer = WavWriter::Create(file.path());
    ASSERT_TRUE(writer);
  }
  EXPECT_EQ(file.Read().size(), 44u);
  const auto back = ReadSound(file.path());
  ASSERT_FALSE(back);
  EXPECT_NE(back.error().message.find("without a single sample"), std::string::npos);
}

TEST(WavWriter, SaysWhyItCannotWrite) {
  const auto nowhere = WavWriter::Create("/no/such/directory/a.wav");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, Code::kIo);
  EXPECT_NE(nowhere.error().message.find("/no/such/directory/a.wav"), std::string::npos);
  // A disk that is full, as every Linux has one.
  auto full = WavWriter::Create("/dev/full");
  ASSERT_FALSE(full) << "the first header must already have failed";
  EXPECT_NE(full.error().message.find("No space left"), std::string::npos) << full.error().message;
}

TEST(WavWriter, MovingKeepsTheFileOpen) {
  const test::TempFile first("1.wav");
  const test::TempFile second("2.wav");
  auto a = WavWriter::Create(first.path());
  auto b = WavWriter::Create(second.path());
  ASSERT_TRUE(a && b);
  ASSERT_TRUE(a->Write(test::Tone(100, 10)));
  *b = std::move(*a);  // closes the second file, takes over the first
  ASSERT_TRUE(b->Write(test::Tone(100, 10)));
  ASSERT_TRUE(b->Close());
  EXPECT_EQ(first.Read().size(), 44u + 40u);
  EXPECT_EQ(second.Read().size(), 44u);
}

class OggOpusAt : public ::testing::TestWithParam<int> {};

TEST_P(OggOpusAt, WhatIsWrittenIsHeard) {
  const int rate = GetParam();
  const test::TempFile file("opus");
  auto writer = OggOpusWriter::Create(file.path(), rate);
  ASSERT_TRUE(writer) << writer.error().message;
  const std::vector<float> tone = test::Tone(440, static_cast<size_t>(rate) * 2, 0.5, rate);
  for (size_t at = 0; at < tone.size(); at += 1000) {
    ASSERT_TRUE(
        writer->Write(std::span(tone).subspan(at, std::min<size_t>(1000, tone.size() - at))));
  }
  ASSERT_TRUE(writer->Close());
  EXPECT_LT(file.Read().size(), 16000u) << "2 s at 32 kbit/s";

  const auto back = ReadSound(file.path());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_NEAR(static_cast<double>(back->size()), 32000.0, 20.0) << "the same length";
  // The same tone at the same time: what is left after taking it away is small.
  std::vector<float> error;
  const std::vector<float> expected = test::Tone(440, back->size());
  for (size_t i = 3200; i < 28800; ++i) error.push_back((*back)[i] - expected[i]);
  EXPECT_LT(features::RmsDbfs(error), -25.0f);
}

INSTANTIATE_TEST_SUITE_P(Hz, OggOpusAt, ::testing::Values(8000, 16000, 22050, 24000, 48000));

TEST(OggOpusWriter, SaysWhyItCannotWrite) {
  const auto nowhere = OggOpusWriter::Create("/no/such/directory/a.opus");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, Code::kIo);
  const test::TempFile file("opus");
  EXPECT_FALSE(OggOpusWriter::Create(file.path(), 4000));
  EXPECT_FALSE(OggOpusWriter::Create(file.path(), 16000, -5));
  auto full = OggOpusWriter::Create("/dev/full", 16000);
  ASSERT_TRUE(full) << "the library opens it and writes later";
  const bool written = full->Write(test::Noise(16000 * 20)).has_value();
  EXPECT_FALSE(written && full->Close().has_value()) << "twenty seconds onto a full disk";
}

}  // namespace
}  // namespace parley::audio

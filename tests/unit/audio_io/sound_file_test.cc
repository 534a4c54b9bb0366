// SPDX-License-Identifier: Apache-2.0
#include "audio_io/sound_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "features/loudness.h"
#include "support/paths.h"
#include "support/signals.h"
#include "support/temp_file.h"

namespace parley::audio {
namespace {

using Bytes = std::vector<uint8_t>;

void Put(Bytes& bytes, uint64_t value, int count) {
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
}
void Put(Bytes& bytes, const char* tag) {
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<uint8_t>(tag[i]));
}

// A WAV file of any kind, made here byte by byte: the reader must not be judged by our own writer.
struct WavKind {
  int rate_hz = 16000;
  int channels = 1;
  int bits = 16;
  bool is_float = false;
};

Bytes MakeWav(const WavKind& kind, const std::vector<float>& mono) {
  Bytes data;
  for (const float x : mono) {
    for (int c = 0; c < kind.channels; ++c) {
      // The second channel is silent, so that the average is half of the first.
      const float y = c == 0 ? x : 0.0f;
      if (kind.is_float) {
        Put(data, std::bit_cast<uint32_t>(y), 4);
      } else if (kind.bits == 8) {
        Put(data, static_cast<uint64_t>(std::lround(y * 127) + 128), 1);  // unsigned by tradition
      } else {
        const double scale = std::ldexp(1.0, kind.bits - 1) - 1;
        Put(data, static_cast<uint64_t>(std::llround(static_cast<double>(y) * scale)),
            kind.bits / 8);
      }
    }
  }
  const int frame_bytes = kind.channels * kind.bits / 8;
  Bytes wav;
  Put(wav, "RIFF");
  Put(wav, 36 + data.size(), 4);
  Put(wav, "WAVE");
  Put(wav, "fmt ");
  Put(wav, 16, 4);
  Put(wav, kind.is_float ? 3 : 1, 2);
  Put(wav, static_cast<uint64_t>(kind.channels), 2);
  Put(wav, static_cast<uint64_t>(kind.rate_hz), 4);
  Put(wav, static_cast<uint64_t>(kind.rate_hz * frame_bytes), 4);
  Put(wav, static_cast<uint64_t>(frame_bytes), 2);
  Put(wav, static_cast<uint64_t>(kind.bits), 2);
  Put(wav, "data");
  Put(wav, data.size(), 4);
  wav.insert(wav.end(), data.begin(), data.end());
  return wav;
}

Result<std::vector<float>> ReadBytes(const Bytes& bytes) {
  PARLEY_TRY(auto file, SoundFile::OpenMemory(std::as_bytes(std::span(bytes)), "upload"));
  std::vector<float> samples;
  for (;;) {
    PARLEY_TRY(const auto block, file->Read());
    if (block.empty()) return samples;
    samples.insert(samples.end(), block.begin(), block.end());
  }
}

class SoundFileOf : public ::testing::TestWithParam<WavKind> {};

TEST_P(SoundFileOf, HasTheToneItWasMadeOf) {
  const WavKind kind = GetParam();
  const auto rate = static_cast<size_t>(kind.rate_hz);
  const Bytes wav = MakeWav(kind, test::Tone(500, rate / 2, 0.5, kind.rate_hz));
  const test::TempFile file("wav");
  file.Write(wav);
  auto open = SoundFile::Open(file.path());
  ASSERT_TRUE(open) << open.error().message;
  EXPECT_EQ((*open)->info().rate_hz, kind.rate_hz);
  EXPECT_EQ((*open)->info().channels, kind.channels);
  EXPECT_EQ((*open)->info().frames, static_cast<int64_t>(rate / 2));
  EXPECT_NEAR((*open)->info().seconds(), 0.5, 0.001);

  const auto samples = ReadSound(file.path());
  ASSERT_TRUE(samples) << samples.error().message;
  EXPECT_NEAR(static_cast<double>(samples->size()), 8000.0, 1.0);
  const double amplitude = 0.5 / kind.channels;
  const std::vector<float> expected = test::Tone(500, samples->size(), amplitude);
  const float tolerance = kind.bits == 8 ? 0.008f : 0.002f;
  for (size_t i = 200; i + 200 < samples->size(); ++i) {
    ASSERT_NEAR((*samples)[i], expected[i], tolerance) << i;
  }
  const auto in_memory = ReadBytes(wav);
  ASSERT_TRUE(in_memory) << in_memory.error().message;
  EXPECT_EQ(*in_memory, *samples);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, SoundFileOf,
    ::testing::Values(WavKind{}, WavKind{.rate_hz = 48000, .channels = 2, .bits = 24},
                      WavKind{.rate_hz = 8000, .bits = 8},
                      WavKind{.rate_hz = 44100, .channels = 2, .bits = 32, .is_float = true},
                      WavKind{.rate_hz = 96000, .channels = 6, .bits = 32},
                      WavKind{.rate_hz = 11025, .channels = 1, .bits = 16}),
    [](const auto& kind) {
      return "Hz" + std::to_string(kind.param.rate_hz) + "Channels" +
             std::to_string(kind.param.channels) + "Bits" + std::to_string(kind.param.bits) +
             (kind.param.is_float ? "Float" : "");
    });

void ExpectError(const std::string& path, Code code, const std::string& text) {
  const auto file = SoundFile::Open(path);
  ASSERT_FALSE(file) << path;
  EXPECT_EQ(file.error().code, code) << file.error().message;
  EXPECT_NE(file.error().message.find(path), std::string::npos) << file.error().message;
  EXPECT_NE(file.error().message.find(text), std::string::npos) << file.error().message;
}

TEST(SoundFile, SaysWhatIsWrong) {
  ExpectError("/no/such/file.wav", Code::kNotFound, "no such file");
  ExpectError("/tmp", Code::kInvalidArgument, "is a directory");
  const test::TempFile file("wav");
  file.Write({});
  ExpectError(file.path(), Code::kUnsupported, "not a sound file");
  const std::string text = "Dear reader, these are words and no sounds.\n";
  file.Write(Bytes(text.begin(), text.end()));
  ExpectError(file.path(), Code::kUnsupported, "give a WAV, FLAC or Ogg file");
  file.Write(MakeWav({}, {}));
  ExpectError(file.path(), Code::kInvalidArgument, "without a single sample");
  file.Write(MakeWav({.rate_hz = 10}, test::Tone(1, 100)));
  ExpectError(file.path(), Code::kUnsupported, "10 samples a second");
  file.Write(MakeWav({.channels = 100}, test::Tone(1, 100)));
  ExpectError(file.path(), Code::kUnsupported, "100 channels");
}

// A recording that was cut short gives what it has; a header that was cut short gives an error.
TEST(SoundFile, ReadsWhatATruncatedWavHas) {
  const Bytes whole = MakeWav({}, test::Tone(500, 16000));
  for (const size_t bytes : {size_t{44 + 2000}, size_t{44 + 2001}, whole.size() - 1}) {
    const auto samples =
        ReadBytes(Bytes(whole.begin(), whole.begin() + static_cast<int64_t>(bytes)));
    ASSERT_TRUE(samples) << samples.error().message;
    EXPECT_EQ(samples->size(), (bytes - 44) / 2);
  }
  for (size_t bytes = 0; bytes <= 44; ++bytes) {
    EXPECT_FALSE(ReadBytes(Bytes(whole.begin(), whole.begin() + static_cast<int64_t>(bytes))))
        << bytes;
  }
}

TEST(SoundFile, ATruncatedFlacIsAnErrorOrShort) {
  const std::string path = test::DataDir() + "/speech/read/spk2_snt2.flac";
  const test::TempFile file("flac");
  std::ifstream in(path, std::ios::binary);
  Bytes bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  ASSERT_GT(bytes.size(), 20000u);
  const auto whole = ReadBytes(bytes);
  ASSERT_TRUE(whole);
  bytes.resize(bytes.size() / 2);
  const auto half = ReadBytes(bytes);
  if (half) {
    EXPECT_LT(half->size(), whole->size());
    EXPECT_GT(half->size(), whole->size() / 4);
    EXPECT_TRUE(std::equal(half->begin(), half->begin() + 8000, whole->begin()));
  } else {
    EXPECT_EQ(half.error().code, Code::kCorruptData) << half.error().message;
  }
}

// Bytes of a header that say anything at all: read or refused, every sample a number in [-1, 1], and
// no more of them than such a file can hold. Under ASan this also proves that nothing is read beyond.
TEST(SoundFile, MutatedHeadersDoNoHarm) {
  std::ifstream in(test::DataDir() + "/speech/read/spk2_snt2.flac", std::ios::binary);
  Bytes flac((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  ASSERT_GT(flac.size(), 4000u);
  flac.resize(4000);
  const Bytes wav = MakeWav({.channels = 2}, test::Tone(500, 1000));
  uint64_t seed = 7;
  auto random = [&](size_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return static_cast<size_t>(seed >> 33) % below;
  };
  int readable = 0;
  for (int round = 0; round < 600; ++round) {
    Bytes bytes = round % 2 == 0 ? wav : flac;
    for (size_t i = 0; i <= random(3); ++i) bytes[random(60)] = static_cast<uint8_t>(random(256));
    auto file = SoundFile::OpenMemory(std::as_bytes(std::span(bytes)), "upload");
    if (!file) continue;
    ++readable;
    size_t total = 0;
    for (;;) {
      const auto block = (*file)->Read();
      if (!block || block->empty()) break;
      total += block->size();
      for (const float x : *block) ASSERT_LE(std::abs(x), 1.0f) << "round " << round;
      ASSERT_LT(total, 100'000'000u) << "round " << round;
    }
  }
  EXPECT_GT(readable, 50) << "the mutations are too strong to prove anything";
}

TEST(SoundFile, MendsWhatIsNoSample) {
  std::vector<float> sound = test::Tone(500, 1000);
  sound[10] = std::nanf("");
  sound[20] = INFINITY;
  sound[30] = -1e30f;
  const Bytes wav = MakeWav({.bits = 32, .is_float = true}, sound);
  auto file = SoundFile::OpenMemory(std::as_bytes(std::span(wav)), "upload");
  ASSERT_TRUE(file) << file.error().message;
  const auto block = (*file)->Read();
  ASSERT_TRUE(block);
  ASSERT_EQ(block->size(), 1000u);
  EXPECT_EQ((*block)[10], 0.0f);
  EXPECT_EQ((*block)[20], 1.0f);
  EXPECT_EQ((*block)[30], -1.0f);
  EXPECT_EQ((*block)[40], sound[40]);
  EXPECT_EQ((*file)->mended_samples(), 3);
}

// Ten minutes pass through in blocks that stay small, whatever the file's length.
TEST(SoundFile, StreamsInSmallBlocks) {
  const test::TempFile file("wav");
  file.Write(MakeWav({.rate_hz = 8000}, std::vector<float>(8000 * 600, 0.25f)));
  auto open = SoundFile::Open(file.path());
  ASSERT_TRUE(open) << open.error().message;
  size_t largest = 0;
  size_t total = 0;
  for (;;) {
    const auto block = (*open)->Read();
    ASSERT_TRUE(block);
    if (block->empty()) break;
    largest = std::max(largest, block->size());
    total += block->size();
  }
  EXPECT_EQ(total, 16000u * 600u);
  EXPECT_LE(largest, 2u * 4096u + 16u);
  EXPECT_TRUE((*open)->Read()->empty()) << "the end stays the end";

  const auto refused = ReadSound(file.path(), 60);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kExhausted);
}

// One of the project's clips is kept as it was recorded, at 24 kHz, and as the import script has
// converted it with scipy's filter: ours must agree with it.
TEST(SoundFile, ResamplesARealVoiceAsScipyDoes) {
  const auto ours = ReadSound(test::DataDir() + "/speech/conversation/turn_014_24k.wav");
  const auto theirs = ReadSound(test::DataDir() + "/speech/conversation/turn_014.flac");
  ASSERT_TRUE(ours && theirs);
  ASSERT_EQ(ours->size(), theirs->size());
  std::vector<float> error(ours->size());
  for (size_t i = 0; i < error.size(); ++i) error[i] = (*ours)[i] - (*theirs)[i];
  EXPECT_LT(features::RmsDbfs(error), features::RmsDbfs(*theirs) - 35.0f);
}

}  // namespace
}  // namespace parley::audio

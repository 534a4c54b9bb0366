// SPDX-License-Identifier: Apache-2.0
#include "tts/piper_voice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "support/paths.h"
#include "tts/flite_g2p.h"
#include "tts/voice.h"

namespace parley::tts {
namespace {

struct Heard {
  std::vector<float> samples;
  std::vector<WordSpan> words;
  std::vector<size_t> chunk_samples;
  int lasts = 0;

  ChunkSink Sink() {
    return [this](SpeechChunk chunk) {
      EXPECT_EQ(chunk.first_sample, static_cast<int64_t>(samples.size()));
      EXPECT_EQ(lasts, 0) << "a chunk after the last";
      for (const WordSpan& word : chunk.words) {
        EXPECT_GE(word.first_sample, chunk.first_sample);
        words.push_back(word);
      }
      samples.insert(samples.end(), chunk.samples.begin(), chunk.samples.end());
      chunk_samples.push_back(chunk.samples.size());
      lasts += chunk.last ? 1 : 0;
      return true;
    };
  }
};

double Loudness(const std::vector<float>& samples, size_t begin, size_t end) {
  double sum = 0;
  for (size_t i = begin; i < end; ++i) sum += static_cast<double>(samples[i]) * samples[i];
  return std::sqrt(sum / static_cast<double>(std::max<size_t>(1, end - begin)));
}

// One load, many questions: loading is most of the time.
TEST(PiperVoice, SpeaksInChunksWithWordTimes) {
  const std::string onnx = test::ModelDir("piper-en-us-joe") + "/en_US-joe-medium.onnx";
  auto loaded = PiperVoice::Load(onnx, {}, std::make_unique<FliteG2p>());
  ASSERT_TRUE(loaded) << loaded.error().message;
  PiperVoice& voice = **loaded;
  EXPECT_EQ(voice.sample_rate_hz(), 22050);
  const auto speak = [&](const std::string& text, const SpeakOptions& options) {
    Heard heard;
    const Status spoken = voice.Speak(CallerText(text), options, heard.Sink());
    EXPECT_TRUE(spoken) << spoken.error().message;
    EXPECT_EQ(heard.lasts, 1);
    return heard;
  };

  const std::string text = "Dr. Smith paid $48.75 for it. Was that too much?";
  const Heard once = speak(text, {});
  const char* const spans[] = {"Dr.", "Smith", "paid", "$48.75", "for",
                               "it",  "Was",   "that", "too",    "much"};
  ASSERT_EQ(once.words.size(), std::size(spans));
  int64_t last = -1;
  for (size_t i = 0; i < once.words.size(); ++i) {
    const WordSpan& word = once.words[i];
    EXPECT_EQ(text.substr(word.char_begin, word.char_end - word.char_begin), spans[i]);
    EXPECT_GT(word.first_sample, last) << spans[i];
    EXPECT_LT(word.first_sample, static_cast<int64_t>(once.samples.size()));
    last = word.first_sample;
  }
  const double seconds = static_cast<double>(once.samples.size()) / 22050;
  EXPECT_GT(seconds, 3.0);
  EXPECT_LT(seconds, 7.0);
  EXPECT_EQ(once.chunk_samples[0], 20U * 256U) << "the first chunk is 232 ms";
  EXPECT_GT(Loudness(once.samples, 0, once.samples.size()), 0.02);
  EXPECT_LE(*std::max_element(once.samples.begin(), once.samples.end()), 1.0F);
  // "$48.75" takes longer than "it": its seven words are one span.
  EXPECT_GT(once.words[4].first_sample - once.words[3].first_sample, 22050);

  EXPECT_EQ(speak(text, {}).samples, once.samples) << "the same text sounds the same";
  const Heard whole = speak(text, {.low_latency = false});
  EXPECT_EQ(whole.chunk_samples.size(), 1U);
  ASSERT_EQ(whole.samples.size(), once.samples.size());
  for (size_t i = 0; i < whole.samples.size(); ++i) {
    ASSERT_NEAR(whole.samples[i], once.samples[i], 1e-4F) << "at sample " << i;
  }

  const Heard fast = speak(text, {.speed = 1.5F, .noise = 0});
  const Heard slow = speak(text, {.speed = 0.75F, .noise = 0});
  EXPECT_GT(slow.samples.size(), fast.samples.size() * 3 / 2);

  for (const char* silent : {"", "...", "\n", "😀", "— **"}) {
    const Heard nothing = speak(silent, {});
    EXPECT_EQ(nothing.chunk_samples, std::vector<size_t>{0}) << silent;
    EXPECT_TRUE(nothing.words.empty());
  }

  // No sentence is too long: it is split, and all of its words are told in order.
  std::string breathless;
  for (int i = 0; i < 24; ++i) breathless += "another winding road ";
  const Heard long_one = speak(breathless + std::string(3000, 'q'), {.noise = 0});
  EXPECT_EQ(long_one.words.size(), 73U);
  EXPECT_TRUE(std::is_sorted(
      long_one.words.begin(), long_one.words.end(),
      [](const WordSpan& a, const WordSpan& b) { return a.first_sample < b.first_sample; }));
  EXPECT_TRUE(std::all_of(long_one.chunk_samples.begin(), long_one.chunk_samples.end(),
                          [](size_t n) { return n <= 51U * 256U; }));

  int chunks = 0;
  const Status stopped =
      voice.Speak(CallerText(breathless), {}, [&](const SpeechChunk&) { return ++chunks < 3; });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Code::kCancelled);
  EXPECT_EQ(chunks, 3);
}

TEST(OpenVoice, SaysWhatIsMissing) {
  test::TempDir dir;
  const auto none = OpenVoice(dir.path(), {});
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("parley models fetch"), std::string::npos);
  std::ofstream(dir.File("a.onnx")) << "not a network";
  std::ofstream(dir.File("a.onnx.json")) << "{}";
  const auto broken = OpenVoice(dir.path(), {});
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Code::kCorruptData) << broken.error().message;
}

}  // namespace
}  // namespace parley::tts

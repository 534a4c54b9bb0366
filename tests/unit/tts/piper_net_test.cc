// The voice's networks in chunks against onnxruntime running the uncut voice over whole clauses.
// SPDX-License-Identifier: Apache-2.0
#include "tts/piper_net.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "support/golden_json.h"
#include "support/paths.h"
#include "tts/piper_config.h"

namespace parley::tts {
namespace {

constexpr const char* kScript = "tests/golden/make_tts_goldens.py";

std::string OnnxPath() { return test::ModelDir("piper-en-us-joe") + "/en_US-joe-medium.onnx"; }

std::vector<float> InChunks(PiperNet& net, bool first_short, int* chunks) {
  std::vector<float> samples;
  for (int at = 0; at < net.frames();) {
    const int end = net.EndOfChunk(at, first_short && at == 0);
    const Status rendered = net.Render(at, end, samples);
    EXPECT_TRUE(rendered) << rendered.error().message;
    if (!rendered) break;
    at = end;
    ++*chunks;
  }
  return samples;
}

TEST(PiperNet, ChunksEqualTheWholeClause) {
  const nlohmann::json golden = test::GoldenValues("tts_piper.json", kScript);
  ASSERT_TRUE(golden.contains("clauses"));
  auto net = PiperNet::Load(OnnxPath(), {});
  ASSERT_TRUE(net) << net.error().message;
  EXPECT_EQ((*net)->samples_per_frame(), 256);
  for (const auto& [name, clause] : golden["clauses"].items()) {
    SCOPED_TRACE(name);
    const auto ids = clause["ids"].get<std::vector<int64_t>>();
    const auto expected = clause["at_step"].get<std::vector<float>>();
    const auto step = golden["step"].get<size_t>();
    for (const bool first_short : {true, false}) {
      const Status begun = (*net)->Begin(ids, {});
      ASSERT_TRUE(begun) << begun.error().message;
      ASSERT_EQ((*net)->frames_of_ids().size(), ids.size());
      int chunks = 0;
      const std::vector<float> sound = InChunks(**net, first_short, &chunks);
      ASSERT_EQ(sound.size(), clause["samples"].get<size_t>());
      if (name == "long") {
        EXPECT_GT(chunks, 8);
      }
      float worst = 0;
      size_t worst_at = 0;
      for (size_t i = 0; i < expected.size(); ++i) {
        const float off = std::abs(sound[i * step] - expected[i]);
        if (off > worst) {
          worst = off;
          worst_at = i * step;
        }
      }
      EXPECT_LE(worst, 1e-4F) << "at sample " << worst_at << ", first chunk short: " << first_short;
      double energy = 0;
      for (const float s : sound) energy += static_cast<double>(s) * s;
      EXPECT_NEAR(energy, clause["energy"].get<double>(), 1e-3 * energy);
    }
  }

  // With noise: the seed decides, and how the clause is cut does not.
  const auto ids = golden["clauses"]["eight_words"]["ids"].get<std::vector<int64_t>>();
  const auto speak = [&](uint64_t seed, bool first_short) {
    int chunks = 0;
    const Status begun = (*net)->Begin(ids, {.noise_scale = 0.667F, .noise_w = 0.8F, .seed = seed});
    EXPECT_TRUE(begun);
    return InChunks(**net, first_short, &chunks);
  };
  const std::vector<float> once = speak(1, true);
  const std::vector<float> whole = speak(1, false);
  ASSERT_EQ(once.size(), whole.size());
  float worst = 0;
  for (size_t i = 0; i < once.size(); ++i) worst = std::max(worst, std::abs(once[i] - whole[i]));
  EXPECT_LE(worst, 1e-4F);
  EXPECT_NE(once, speak(2, true));
}

TEST(PiperConfig, MakesTheIdsThatTheVoiceWasTrainedOn) {
  const nlohmann::json golden = test::GoldenValues("tts_piper.json", kScript);
  ASSERT_TRUE(golden.contains("clauses"));
  const auto config = LoadPiperConfig(OnnxPath() + ".json");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->sample_rate_hz, 22050);
  EXPECT_FLOAT_EQ(config->noise_scale, 0.667F);
  const std::vector<SpokenWord> words = {
      {.text = "the"},   {.text = "weather"}, {.text = "in"},
      {.text = "paris"}, {.text = "is"},      {.text = "sunny"},
      {.text = "and"},   {.text = "mild"},    {.text = "today", .pause = '.'}};
  const std::vector<std::string> sounds = {"ðə",    "wˈɛðɚ", "ɪn",     "pˈæɹɪs", "ɪz",
                                           "sˈʌni", "ænd",   "mˈaɪld", "tədˈeɪ"};
  const PiperInput input = MakePiperInput(*config, words, sounds);
  EXPECT_EQ(input.unknown, 0);
  EXPECT_EQ(input.ids, golden["clauses"]["eight_words"]["ids"].get<std::vector<int64_t>>());
  ASSERT_EQ(input.word_begin.size(), words.size());
  EXPECT_EQ(input.word_begin[0], 2U);
  EXPECT_EQ(input.ids[input.word_begin[1]], 35);  // "w"
}

TEST(PiperConfig, SaysWhatIsWrongWithAFile) {
  const auto missing = LoadPiperConfig("/no/such.json");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  test::TempDir dir;
  std::ofstream(dir.File("voice.json")) << R"({"audio": {"sample_rate": "fast"}})";
  const auto broken = LoadPiperConfig(dir.File("voice.json"));
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Code::kCorruptData);
  EXPECT_NE(broken.error().message.find("not the configuration of a Piper voice"),
            std::string::npos);
}

}  // namespace
}  // namespace parley::tts

// SPDX-License-Identifier: Apache-2.0
#include "nn/turn_end.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "nn/smart_turn_features.h"
#include "support/clips.h"
#include "support/golden_json.h"
#include "support/npy.h"
#include "support/paths.h"

namespace parley::nn {
namespace {

std::unique_ptr<TurnEnd> Load(int threads = 1) {
  auto turn_end =
      LoadSmartTurn(test::ModelDir("smart-turn-v3") + "/smart-turn-v3.2-cpu.onnx", threads);
  EXPECT_TRUE(turn_end) << turn_end.error().message;
  return turn_end ? std::move(*turn_end) : nullptr;
}

std::vector<float> Clip(const std::string& name) {
  return test::Samples(test::DataDir() + "/speech/" + name);
}

TEST(SmartTurnFeatures, EqualTransformers) {
  const test::Npy golden = test::ReadNpy(test::GoldenDir() + "/mel_smart_turn.npy");
  ASSERT_EQ(golden.shape, (std::vector<size_t>{100, 80}));  // every eighth frame
  std::vector<float> sound = Clip("read/spk2_snt2.flac");
  sound.resize(16000);
  SmartTurnFeatures features;
  const std::span<const float> found = features.Compute(sound);
  ASSERT_EQ(found.size(), SmartTurnFeatures::kMels * SmartTurnFeatures::kFrames);
  for (size_t t = 0; t < 100; ++t) {
    for (size_t m = 0; m < 80; ++m) {
      ASSERT_NEAR(found[m * 800 + 8 * t], golden.values[t * 80 + m], 2e-4f)
          << "frame " << 8 * t << " bin " << m;
    }
  }
}

TEST(SmartTurnFeatures, HearTheLastEightSecondsAndZerosBefore) {
  SmartTurnFeatures features;
  const std::vector<float> clip = Clip("read/jfk.flac");
  ASSERT_GT(clip.size(), SmartTurnFeatures::kSamples);
  const std::span<const float> of_long = features.Compute(clip);
  const std::vector<float> whole(of_long.begin(), of_long.end());
  const std::span<const float> of_end =
      features.Compute(std::span(clip).last(SmartTurnFeatures::kSamples));
  EXPECT_TRUE(std::equal(whole.begin(), whole.end(), of_end.begin()));

  const std::vector<float> word(clip.begin(), clip.begin() + 16000);
  std::vector<float> padded(SmartTurnFeatures::kSamples);
  std::copy(word.begin(), word.end(), padded.end() - 16000);
  const std::span<const float> of_padded = features.Compute(padded);
  const std::vector<float> expected(of_padded.begin(), of_padded.end());
  const std::span<const float> of_word = features.Compute(word);
  for (size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(of_word[i], expected[i], 1e-5f);

  for (const float value : features.Compute({})) ASSERT_TRUE(std::isfinite(value));
}

// The int8 network amplifies rounding: neighbours at a distance of 1e-5 move the reference's own
// answer by up to 0.4 where it is undecided. The golden holds that range for every case. Ours has to
// lie in it, or as far out as half of it (0.01 at least): the range is of nine samples only. Where
// the reference is sure of its decision, ours has to be the same.
TEST(TurnEnd, AnswersAsOnnxruntimeDoes) {
  const auto turn_end = Load();
  ASSERT_NE(turn_end, nullptr);
  const nlohmann::json golden =
      test::GoldenValues("turn_probabilities.json", "tests/golden/make_audio_goldens.py");
  ASSERT_GE(golden.size(), 30u);
  int sure = 0;
  for (const nlohmann::json& expected : golden) {
    std::vector<float> sound = Clip(expected["clip"]);
    sound.resize(expected["end_sample"].get<size_t>());
    const auto found = turn_end->Probability(sound);
    ASSERT_TRUE(found) << found.error().message;
    const float lowest = expected["lowest"];
    const float highest = expected["highest"];
    const float slack = std::max(0.01f, 0.5f * (highest - lowest));
    EXPECT_GE(*found, lowest - slack) << expected;
    EXPECT_LE(*found, highest + slack) << expected;
    if (lowest > 0.5f || highest < 0.5f) {
      ++sure;
      EXPECT_EQ(*found > 0.5f, lowest > 0.5f) << *found << " against " << expected;
    }
  }
  EXPECT_GE(sure, 25) << "of 32: too few to prove anything";
}

TEST(TurnEnd, ThreadsAndAnotherGiveTheSameAnswer) {
  const auto one = Load();
  const auto two = Load(2);
  ASSERT_TRUE(one != nullptr && two != nullptr);
  auto other = one->Another();
  ASSERT_TRUE(other) << other.error().message;
  const std::vector<float> sound = Clip("conversation/turn_004.flac");
  const auto p = one->Probability(sound);
  const auto q = two->Probability(sound);
  const auto r = (*other)->Probability(sound);
  ASSERT_TRUE(p && q && r);
  EXPECT_GT(*p, 0.9f);
  EXPECT_NEAR(*q, *p, 0.01f);
  EXPECT_EQ(*r, *p);
  EXPECT_TRUE(one->Probability({})) << "no sound at all is still a question";
}

}  // namespace
}  // namespace parley::nn

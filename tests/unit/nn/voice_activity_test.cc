// SPDX-License-Identifier: Apache-2.0
#include "nn/voice_activity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/clips.h"
#include "support/golden_json.h"
#include "support/paths.h"

namespace parley::nn {
namespace {

std::unique_ptr<VoiceActivity> Load() {
  auto vad = LoadSilero(test::ModelDir("silero-vad") + "/silero_vad_openvino_16k.onnx");
  EXPECT_TRUE(vad) << vad.error().message;
  return vad ? std::move(*vad) : nullptr;
}

std::vector<float> Clip(const std::string& name) {
  return test::Samples(test::DataDir() + "/speech/" + name);
}

std::vector<float> Probabilities(VoiceActivity& vad, const std::vector<float>& sound,
                                 size_t chunk) {
  std::vector<float> all;
  for (size_t at = 0; at < sound.size(); at += chunk) {
    const auto some = vad.Push(std::span(sound).subspan(at, std::min(chunk, sound.size() - at)));
    EXPECT_TRUE(some) << some.error().message;
    if (!some) break;
    all.insert(all.end(), some->begin(), some->end());
  }
  return all;
}

// Two runtimes add in different orders, and the state carries that on; measured 3e-7 at most.
constexpr float kTolerance = 1e-5f;

TEST(VoiceActivity, EqualsOnnxruntimeOnRealClips) {
  const auto vad = Load();
  ASSERT_NE(vad, nullptr);
  const nlohmann::json golden =
      test::GoldenValues("vad_probabilities.json", "tests/golden/make_audio_goldens.py");
  ASSERT_GE(golden.size(), 4u);
  for (const auto& [clip, expected] : golden.items()) {
    vad->Reset();
    const std::vector<float> sound = Clip(clip);
    const std::vector<float> found = Probabilities(*vad, sound, sound.size());
    ASSERT_EQ(found.size(), expected.size()) << clip;
    for (size_t i = 0; i < found.size(); ++i) {
      ASSERT_NEAR(found[i], expected[i].get<float>(), kTolerance) << clip << " window " << i;
    }
  }
}

TEST(VoiceActivity, ChunkingDoesNotMatterAndResetForgets) {
  const auto vad = Load();
  ASSERT_NE(vad, nullptr);
  std::vector<float> sound = Clip("read/spk2_snt2.flac");
  sound.resize(12000);
  const std::vector<float> whole = Probabilities(*vad, sound, sound.size());
  ASSERT_EQ(whole.size(), 12000u / 512u);
  for (const size_t chunk : {1, 7, 160, 511, 513}) {
    vad->Reset();
    EXPECT_EQ(Probabilities(*vad, sound, chunk), whole) << "chunks of " << chunk;
  }
  EXPECT_NE(Probabilities(*vad, sound, 512), whole) << "without Reset it remembers";
}

TEST(VoiceActivity, TellsVoiceFromNoise) {
  const auto vad = Load();
  ASSERT_NE(vad, nullptr);
  const std::vector<float> voice = Probabilities(*vad, Clip("conversation/turn_018.flac"), 160);
  EXPECT_GT(std::count_if(voice.begin(), voice.end(), [](float p) { return p > 0.5f; }), 60);
  for (const char* clip : {"noise/noise2.flac", "noise/noise3.flac"}) {
    vad->Reset();
    for (const float p : Probabilities(*vad, Clip(clip), 160)) EXPECT_LT(p, 0.5f) << clip;
  }
}

TEST(VoiceActivity, AnotherOneHasAStateOfItsOwn) {
  const auto vad = Load();
  ASSERT_NE(vad, nullptr);
  const std::vector<float> sound = Clip("read/spk2_snt2.flac");
  const std::vector<float> alone = Probabilities(*vad, sound, 512);
  vad->Reset();
  auto other = vad->Another();
  ASSERT_TRUE(other) << other.error().message;
  const std::vector<float> noise = Clip("noise/noise2.flac");
  std::vector<float> interleaved;
  for (size_t at = 0; at + 512 <= std::min(sound.size(), noise.size()); at += 512) {
    ASSERT_TRUE((*other)->Push(std::span(noise).subspan(at, 512)));
    const auto p = vad->Push(std::span(sound).subspan(at, 512));
    ASSERT_TRUE(p);
    interleaved.insert(interleaved.end(), p->begin(), p->end());
  }
  EXPECT_EQ(interleaved, alone);
}

TEST(VoiceActivity, RefusesANetworkOfAnotherKind) {
  const auto wrong = LoadSilero(test::ModelDir("smart-turn-v3") + "/smart-turn-v3.2-cpu.onnx");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("smart-turn-v3.2-cpu.onnx"), std::string::npos);
}

}  // namespace
}  // namespace parley::nn

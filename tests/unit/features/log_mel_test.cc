// SPDX-License-Identifier: Apache-2.0
#include "features/log_mel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "audio_io/sound_file.h"
#include "support/npy.h"
#include "support/paths.h"
#include "support/signals.h"

namespace parley::features {
namespace {

std::vector<float> Clip(const std::string& name) {
  auto samples = audio::ReadSound(test::DataDir() + "/speech/" + name);
  EXPECT_TRUE(samples) << samples.error().message;
  return samples ? *samples : std::vector<float>();
}

std::vector<float> Mel(int mels, PcmView samples, int frames) {
  std::vector<float> out(static_cast<size_t>(frames) * static_cast<size_t>(mels));
  LogMel(mels).Compute(samples, frames, out);
  return out;
}

double Mean(const std::vector<float>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double Deviation(const std::vector<float>& values) {
  const double mean = Mean(values);
  double sum = 0;
  for (const float v : values) sum += (v - mean) * (v - mean);
  return std::sqrt(sum / static_cast<double>(values.size()));
}

// The reference computes in double. A float transform has an error of about 1e-7 of the loudest
// bin of its frame; near the floor, 8 decades of power below, that is 1e-3 of the value at most,
// and 1/4 log10 of it is 1e-4.
constexpr float kTolerance = 2e-4f;

void ExpectEqualsGolden(const std::vector<float>& mel, const test::Npy& golden) {
  ASSERT_EQ(mel.size(), golden.values.size());
  float worst = 0;
  size_t where = 0;
  double sum = 0;
  for (size_t i = 0; i < mel.size(); ++i) {
    const float error = std::abs(mel[i] - golden.values[i]);
    sum += error;
    if (error > worst) {
      worst = error;
      where = i;
    }
  }
  EXPECT_LE(worst, kTolerance) << "at frame " << where / golden.shape[1] << " bin "
                               << where % golden.shape[1] << ": " << mel[where] << ", expected "
                               << golden.values[where];
  EXPECT_LE(sum / static_cast<double>(mel.size()), 1e-6);
}

TEST(MelFilters, HaveTheKnownWeightsOfStepAudio) {
  const MelFilters filters(kStepAudioMels, 201, kSampleRateHz);
  double sum = 0;
  for (int m = 0; m < 128; ++m) {
    double row = 0;
    for (int k = 0; k < 201; ++k) row += filters.Weight(m, k);
    EXPECT_GT(row, 0.0) << "filter " << m << " hears nothing";
    sum += row;
  }
  EXPECT_NEAR(sum, 3.19099, 1e-5);
  EXPECT_NEAR(filters.Weight(0, 1), 0.01237, 1e-5);
  EXPECT_NEAR(filters.Weight(1, 1), 0.03039, 1e-5);
}

TEST(LogMel, EqualsTransformersAt80Bins) {
  const test::Npy golden = test::ReadNpy(test::GoldenDir() + "/mel_whisper80.npy");
  ASSERT_EQ(golden.shape, (std::vector<size_t>{300, 80}));
  ExpectEqualsGolden(Mel(kWhisperMels, Clip("conversation/turn_014.flac"), 300), golden);
}

TEST(LogMel, EqualsTransformersAt128Bins) {
  const test::Npy golden = test::ReadNpy(test::GoldenDir() + "/mel_step_audio128.npy");
  const std::vector<float> clip = Clip("read/spk2_snt2.flac");
  const int frames = StepAudioFrames(static_cast<int64_t>(clip.size()));
  ASSERT_EQ(golden.shape, (std::vector<size_t>{static_cast<size_t>(frames), 128}));
  ExpectEqualsGolden(Mel(kStepAudioMels, clip, frames), golden);
}

TEST(LogMel, HasTheReferenceValuesOfStepAudio) {
  const std::vector<float> mmsu = Clip("step_audio/mmsu_test.flac");
  ASSERT_EQ(mmsu.size(), 105140u);
  ASSERT_EQ(StepAudioFrames(105140), 660);
  const std::vector<float> mel = Mel(kStepAudioMels, mmsu, 660);
  EXPECT_NEAR(Mean(mel), 0.168422, 2e-6);
  EXPECT_NEAR(Deviation(mel), 0.489456, 2e-6);

  const std::vector<float> trait = Clip("step_audio/Speaker_Trait_Inference.flac");
  ASSERT_EQ(trait.size(), 75093u);
  ASSERT_EQ(StepAudioFrames(75093), 472);
  EXPECT_NEAR(Mean(Mel(kStepAudioMels, trait, 472)), 0.043551, 2e-6);
}

TEST(LogMel, HasTheReferenceValuesOfAToneAndOfSilence) {
  const std::vector<float> tone = Mel(kStepAudioMels, test::Tone(440, 16000), 102);
  EXPECT_NEAR(Mean(tone), -0.415312, 1e-5);
  const auto top = std::max_element(tone.begin(), tone.end());
  EXPECT_EQ((top - tone.begin()) % 128, 18);
  EXPECT_NEAR(*top, 1.485354, 1e-5);
  EXPECT_NEAR(*std::min_element(tone.begin(), tone.end()), -0.514646, 1e-5);

  const std::vector<float> silence =
      Mel(kStepAudioMels, std::vector<float>(16000), StepAudioFrames(16000));
  ASSERT_EQ(silence.size(), 102u * 128u);
  for (const float value : silence) ASSERT_NEAR(value, -1.5f, 1e-6f);
}

TEST(LogMel, CountsFramesLikeStepAudio) {
  EXPECT_EQ(StepAudioFrames(1), 3);
  EXPECT_EQ(StepAudioFrames(320), 4);
  EXPECT_EQ(StepAudioFrames(321), 5);
  EXPECT_EQ(StepAudioFrames(160118), 1003);
  EXPECT_EQ(StepAudioFrames(479680), 3000);
}

TEST(LogMel, TakesTheShortestSounds) {
  for (const size_t samples : {size_t{0}, size_t{1}, size_t{159}, size_t{161}, size_t{399}}) {
    for (const int frames : {1, 2, 3}) {
      const std::vector<float> noise = test::Noise(samples);
      for (const float value : Mel(kWhisperMels, noise, frames)) {
        ASSERT_TRUE(std::isfinite(value)) << samples << " samples in " << frames << " frames";
      }
    }
  }
  EXPECT_TRUE(Mel(kWhisperMels, test::Noise(100), 0).empty());
}

TEST(LogMel, SurvivesWhatIsNoSpeech) {
  std::vector<float> loud(1600, 1.0f);
  loud[800] = -1.0f;
  for (const float value : Mel(kWhisperMels, loud, 20)) ASSERT_TRUE(std::isfinite(value));
  const std::vector<float> denormal(1600, 1e-40f);
  for (const float value : Mel(kWhisperMels, denormal, 20)) ASSERT_NEAR(value, -1.5f, 1e-6f);
}

// However a sound arrives and however often it is asked for, the growing form equals the whole one.
TEST(GrowingLogMel, EqualsTheWholeBitForBit) {
  const std::vector<float> clip = Clip("read/spk2_snt2.flac");
  for (const size_t chunk : {size_t{1}, size_t{7}, size_t{160}, size_t{8000}, clip.size()}) {
    GrowingLogMel growing(kWhisperMels, 1200);
    for (size_t at = 0; at < clip.size(); at += chunk) {
      growing.Push(std::span(clip).subspan(at, std::min(chunk, clip.size() - at)));
      const bool ask = chunk >= 8000 || (at + chunk) % 5003 < chunk || at < 3 * chunk;
      if (!ask) continue;
      const PcmView heard = std::span(clip).first(std::min(at + chunk, clip.size()));
      for (const int pad : {0, 1, 100}) {
        const int frames = MelFrames(growing.samples()) + pad;
        std::vector<float> out(static_cast<size_t>(frames) * 80);
        growing.Compute(frames, out);
        ASSERT_EQ(out, Mel(kWhisperMels, heard, frames))
            << heard.size() << " samples in chunks of " << chunk << ", " << frames << " frames";
      }
    }
    EXPECT_EQ(growing.samples(), static_cast<int64_t>(clip.size()));
  }
}

TEST(GrowingLogMel, ForgetsOnResetAndCountsWhatDoesNotFit) {
  GrowingLogMel growing(kWhisperMels, 10);
  growing.Push(test::Noise(1700));
  EXPECT_EQ(growing.samples(), 1600);
  EXPECT_EQ(growing.overruns(), 100);
  growing.Reset();
  EXPECT_EQ(growing.overruns(), 0);

  const std::vector<float> tone = test::Tone(300, 1600);
  growing.Push(tone);
  std::vector<float> out(800);
  growing.Compute(10, out);
  EXPECT_EQ(out, Mel(kWhisperMels, tone, 10));
}

}  // namespace
}  // namespace parley::features

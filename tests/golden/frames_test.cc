// Does the program hear a clip as training did? Whisper's encoder and the adaptor of models/nano-frames against PyTorch.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "features/log_mel.h"
#include "golden/golden.h"
#include "golden/heard.h"
#include "model/audio_encoder.h"
#include "support/clips.h"
#include "support/paths.h"

namespace parley {
namespace {

using kernels::Storage;

// The root of the mean square of what is off, beside that of the golden's rows.
double Off(kernels::Backend& backend, Storage storage) {
  const auto whisper = weights::Checkpoint::Open(test::ModelDir("whisper-base"));
  const auto own =
      weights::Checkpoint::Open(test::SourceDir() + "/models/nano-frames/adaptor.safetensors");
  EXPECT_TRUE(whisper.has_value() && own.has_value());
  const auto golden = golden::Open("nano_frames.safetensors");
  if (!whisper || !own || golden == nullptr) return 1;
  const auto encoder = model::AudioEncoder::Load(backend, **whisper, storage, /*pool=*/true);
  const auto adaptor = model::Adaptor::Load(backend, **own, storage);
  EXPECT_TRUE(encoder.has_value() && adaptor.has_value());
  if (!encoder || !adaptor) return 1;

  const std::vector<float> sound =
      test::Samples(test::DataDir() + "/speech/conversation/turn_000.flac");
  const int frames = features::MelFrames(static_cast<int64_t>(sound.size()));
  features::LogMel log_mel(features::kWhisperMels);
  std::vector<float> mel(static_cast<size_t>(frames * features::kWhisperMels));
  log_mel.Compute(sound, frames, mel);
  const model::EncoderState state = golden::Encode(**encoder, mel, features::kWhisperMels, frames);
  const kernels::Tensor heard = golden::Adapt(backend, **adaptor, state);
  const std::vector<float> expected = *weights::Dequantized(*golden->Find("rows"));
  std::vector<float> got(expected.size());
  EXPECT_EQ(static_cast<size_t>(heard.view().rows) * static_cast<size_t>(heard.view().cols),
            expected.size());
  if (::testing::Test::HasFailure()) return 1;
  backend.Download(heard.view(), got);
  double off = 0, all = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    off += std::pow(static_cast<double>(got[i] - expected[i]), 2);
    all += std::pow(static_cast<double>(expected[i]), 2);
  }
  return std::sqrt(off / all);
}

TEST(NanoFrames, TheReferenceHearsAClipAsTraining) {
  const auto backend = kernels::MakeReferenceBackend();
  EXPECT_LT(Off(*backend, Storage::kF32), 2e-3);  // the golden is kept in f16
}

TEST(NanoFrames, TheProgramHearsItNearly) {
  const auto backend = kernels::MakeCpuBackend({});
  EXPECT_LT(Off(*backend, Storage::kAsIs), 0.1);  // products of the processor are of 8 bits
}

}  // namespace
}  // namespace parley

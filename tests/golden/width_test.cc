// Encoder, adaptor and decoder of Step-Audio-R1 in their true widths, one layer each: what transformers says of the same
// weights, which a counter makes on both sides (make_width_goldens.py). Some 3 GB and a few seconds.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "golden/epsilons.h"
#include "golden/golden.h"
#include "golden/heard.h"
#include "golden/true_widths.h"
#include "model/audio_encoder.h"
#include "model/decoder.h"
#include "model/one_sequence.h"

namespace parley {
namespace {

using golden::Epsilons;
using golden::Golden;
using kernels::DType;
using kernels::Storage;

TEST(GoldenWidth, StepAudioR1AgreesWithTransformers) {
  const auto backend = kernels::MakeReferenceBackend();
  Golden golden("width.taps.safetensors", *backend);
  ASSERT_TRUE(golden.ok());
  const golden::TrueWidths widths(1, 1);
  std::vector<float> mel = golden.Values("input.mel");
  kernels::Tensor heard;
  {
    auto encoder = model::AudioEncoder::Load(*backend, widths.checkpoint(), Storage::kF32);
    ASSERT_TRUE(encoder.has_value()) << encoder.error().message;
    EXPECT_EQ((*encoder)->geometry().hidden, 1280);
    auto adaptor = model::Adaptor::Load(*backend, widths.checkpoint(), Storage::kF32);
    ASSERT_TRUE(adaptor.has_value()) << adaptor.error().message;
    const model::EncoderState state = golden::Encode(**encoder, mel, golden.Cols("input.mel"), 16);
    heard = golden::Adapt(*backend, **adaptor, state);
  }
  auto decoder = model::Decoder::Load(*backend, widths.checkpoint(), Storage::kF32);
  ASSERT_TRUE(decoder.has_value()) << decoder.error().message;
  EXPECT_EQ((*decoder)->geometry().ffn, 27648);
  const std::vector<TokenId> ids = golden.Ids("input.ids");
  model::OneSequence sequence(*backend, **decoder, 16, DType::kF32,
                              static_cast<int32_t>(ids.size()));
  sequence.Append(ids, heard);
  ASSERT_TRUE(backend->Poll().has_value());
  // Sums behind one another: two convolutions, a block of nine, an average and a norm; three of the adaptor; a block, a
  // norm and the head. The longest of each part: the encoder's second product, the adaptor's convolution, `down`.
  golden.ExpectAll("", [](std::string_view tap) {
    if (tap == "encoder.out") return Epsilons(2 + 9 + 2, 5120);
    if (tap == "adaptor.out") return Epsilons(2 + 9 + 2 + 3, 5120);
    return Epsilons(2 + 9 + 2 + 3 + 9 + 2, 27648);
  });
}

}  // namespace
}  // namespace parley

// Encoder, adaptor and decoder of Step-Audio-R1 in their true widths, one layer each: what transformers says of the same
// weights, which a counter makes on both sides (make_width_goldens.py). Some 3 GB and a few seconds.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "golden/epsilons.h"
#include "golden/golden.h"
#include "golden/heard.h"
#include "kernels/random_values.h"
#include "model/audio_encoder.h"
#include "model/decoder.h"
#include "model/one_sequence.h"
#include "weights/checkpoint_table.h"
#include "weights/synthetic.h"

namespace parley {
namespace {

using golden::Epsilons;
using golden::Golden;
using kernels::DType;
using kernels::Storage;

uint64_t SeedOf(std::string_view name) {
  uint64_t fnv = 14695981039346656037U;
  for (const char c : name) fnv = (fnv ^ static_cast<uint8_t>(c)) * 1099511628211U;
  return fnv;
}

// The rules of `weight` in make_width_goldens.py.
class TrueWidths {
 public:
  TrueWidths() {
    weights::SyntheticGeometry g = *weights::SyntheticGeometry::Named("step-audio-r1");
    g.audio_layers = 1;
    g.layers = 1;
    g.vocabulary = 4096;
    for (const weights::TensorPlan& tensor : weights::SyntheticTensors(g)) Add(tensor);
    table_.SetNumber("audio_encoder_config.n_audio_head", static_cast<double>(g.audio_heads));
    weights::SetDecoderNumbers(g, table_);
  }
  const weights::Checkpoint& checkpoint() const { return table_; }

 private:
  void Add(const weights::TensorPlan& tensor) {
    const bool vector = tensor.shape.size() == 1;
    double in = 1;
    size_t count = 1;
    for (size_t d = 0; d < tensor.shape.size(); ++d) {
      count *= static_cast<size_t>(tensor.shape[d]);
      if (d > 0) in *= static_cast<double>(tensor.shape[d]);
    }
    const bool positions = tensor.name.find("positional") != std::string::npos;
    const bool embeds = tensor.name.find("embed") != std::string::npos;
    const float scale = vector                ? 0.2F
                        : embeds || positions ? 1.0F
                                              : static_cast<float>(std::sqrt(3.0 / in));
    const uint64_t seed = SeedOf(tensor.name);
    if (tensor.shape.size() == 2 && !positions) {
      EXPECT_TRUE(table_.AddRandom(tensor.name, tensor.shape, seed, scale).has_value());
      return;
    }
    const float middle = vector && tensor.name.ends_with(".weight") ? 1.0F : 0.0F;
    std::vector<float>& values = *memory_.emplace_back(std::make_unique<std::vector<float>>(count));
    for (size_t i = 0; i < count; ++i) {
      const float value = kernels::RandomValue(seed, i) * scale;
      values[i] = value + middle;
    }
    EXPECT_TRUE(table_
                    .Add("width_test", tensor.name, tensor.shape, kernels::WeightFormat::kF32,
                         std::as_bytes(std::span(values)))
                    .has_value());
  }

  std::vector<std::unique_ptr<std::vector<float>>> memory_;  // before the table, which borrows
  weights::CheckpointTable table_{"safetensors"};
};

TEST(GoldenWidth, StepAudioR1AgreesWithTransformers) {
  const auto backend = kernels::MakeReferenceBackend();
  Golden golden("width.taps.safetensors", *backend);
  ASSERT_TRUE(golden.ok());
  const TrueWidths widths;
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

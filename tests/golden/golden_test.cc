// Do we agree with PyTorch, tap by tap? Tiny random networks in f32 on the reference backend.
// SPDX-License-Identifier: Apache-2.0
#include "golden/golden.h"
#include "golden/heard.h"

#include <gtest/gtest.h>

#include <string_view>

#include "golden/epsilons.h"
#include "model/audio_encoder.h"
#include "model/decoder.h"
#include "model/one_sequence.h"
#include "model/whisper_decoder.h"

namespace parley {
namespace {

using golden::Epsilons;
using golden::Golden;
using kernels::DType;
using kernels::Storage;

// Sums behind one another up to a tap. A block has nine: norm, q k v, scores, softmax, values, out, norm, up, down.
constexpr int kBlock = 9, kToAttention = 5, kCross = 6, kHead = 2;  // a norm and the last product

// The number at the end of "decoder.layer.1".
int LayerOf(std::string_view tap) { return tap.back() - '0'; }

void ExpectDecoderAgrees(const std::string& checkpoint_name) {
  const auto backend = kernels::MakeReferenceBackend();
  const auto checkpoint = golden::Open(checkpoint_name);
  Golden golden("llama.taps.safetensors", *backend);
  ASSERT_TRUE(checkpoint != nullptr && golden.ok());
  auto decoder = model::Decoder::Load(*backend, *checkpoint, Storage::kF32);
  ASSERT_TRUE(decoder.has_value()) << decoder.error().message;
  EXPECT_TRUE((*decoder)->geometry().tied_head);
  const std::vector<TokenId> ids = golden.Ids("input.ids");
  model::OneSequence sequence(*backend, **decoder, 256, DType::kF32,
                              static_cast<int32_t>(ids.size()));
  sequence.Append(ids);
  ASSERT_TRUE(backend->Poll().has_value());
  golden.ExpectAll("decoder.", [](std::string_view tap) {
    constexpr int kLongest = 96;  // the products of `down`
    if (tap.starts_with("decoder.attn")) {
      return Epsilons(kBlock * LayerOf(tap) + kToAttention, kLongest);
    }
    if (tap.starts_with("decoder.layer")) return Epsilons(kBlock * (LayerOf(tap) + 1), kLongest);
    return Epsilons(tap == "decoder.logits" ? kBlock * 2 + kHead : 0, kLongest);
  });
}

TEST(Golden, LlamaFromSafetensorsAgreesWithTransformers) { ExpectDecoderAgrees("llama"); }

TEST(Golden, LlamaFromGgufAgreesWithTransformers) { ExpectDecoderAgrees("llama.gguf"); }

TEST(Golden, StepAudioHearsAndAnswersAsPyTorchDoes) {
  const auto backend = kernels::MakeReferenceBackend();
  const auto checkpoint = golden::Open("step_audio");
  Golden golden("step_audio.taps.safetensors", *backend);
  ASSERT_TRUE(checkpoint != nullptr && golden.ok());
  auto encoder = model::AudioEncoder::Load(*backend, *checkpoint, Storage::kF32);
  ASSERT_TRUE(encoder.has_value()) << encoder.error().message;
  auto adaptor = model::Adaptor::Load(*backend, *checkpoint, Storage::kF32);
  ASSERT_TRUE(adaptor.has_value()) << adaptor.error().message;
  auto decoder = model::Decoder::Load(*backend, *checkpoint, Storage::kF32);
  ASSERT_TRUE(decoder.has_value()) << decoder.error().message;
  EXPECT_FALSE((*decoder)->geometry().tied_head);
  EXPECT_TRUE((*decoder)->geometry().qkv_bias);

  std::vector<float> mel = golden.Values("input.mel");
  const model::EncoderState state = golden::Encode(**encoder, mel, golden.Cols("input.mel"), 48);
  const kernels::Tensor heard = golden::Adapt(*backend, **adaptor, state);
  const std::vector<TokenId> ids = golden.Ids("input.ids");
  model::OneSequence sequence(*backend, **decoder, 64, DType::kF32,
                              static_cast<int32_t>(ids.size()));
  sequence.Append(ids, heard);
  ASSERT_TRUE(backend->Poll().has_value());
  golden.ExpectAll("", [](std::string_view tap) {
    constexpr int kLongest =
        3 * 128;  // of the first convolution; `down` has 128, the adaptor 3 * 32
    constexpr int kConvolved = 2, kEncoded = kConvolved + 2 * kBlock + 2, kAdapted = kEncoded + 3;
    if (tap == "encoder.conv") return Epsilons(kConvolved, kLongest);
    if (tap.starts_with("encoder.block")) {
      return Epsilons(kConvolved + kBlock * (LayerOf(tap) + 1), kLongest);
    }
    if (tap == "encoder.out") return Epsilons(kEncoded, kLongest);  // an average and a norm
    if (tap == "decoder.embed" || tap == "adaptor.out") return Epsilons(kAdapted, kLongest);
    if (tap.starts_with("decoder.attn")) {
      return Epsilons(kAdapted + kBlock * LayerOf(tap) + kToAttention, kLongest);
    }
    if (tap.starts_with("decoder.layer")) {
      return Epsilons(kAdapted + kBlock * (LayerOf(tap) + 1), kLongest);
    }
    return Epsilons(kAdapted + 2 * kBlock + kHead, kLongest);
  });
}

TEST(Golden, WhisperAgreesWithTransformers) {
  const auto backend = kernels::MakeReferenceBackend();
  const auto checkpoint = golden::Open("whisper");
  Golden golden("whisper.taps.safetensors", *backend);
  ASSERT_TRUE(checkpoint != nullptr && golden.ok());
  auto encoder = model::AudioEncoder::Load(*backend, *checkpoint, Storage::kF32);
  ASSERT_TRUE(encoder.has_value()) << encoder.error().message;
  auto decoder = model::WhisperDecoder::Load(*backend, *checkpoint, Storage::kF32);
  ASSERT_TRUE(decoder.has_value()) << decoder.error().message;

  std::vector<float> mel = golden.Values("input.mel");
  const model::EncoderState state = golden::Encode(**encoder, mel, golden.Cols("input.mel"), 40);
  model::WhisperState talk = (*decoder)->NewState(20, 24);
  for (int32_t layer = 0; layer < (*decoder)->geometry().layers; ++layer) {
    (*decoder)->Hear(state.out.view().Rows(0, state.out_rows), {}, layer, talk);
  }
  // First many at once, then one by one, as a transcription does: the taps must come out the same.
  const std::vector<TokenId> ids = golden.Ids("input.ids");
  const std::span<const TokenId> all(ids);
  (*decoder)->Forward(all.first(5), 5, talk);
  for (size_t i = 5; i < all.size(); ++i) (*decoder)->Forward(all.subspan(i, 1), 1, talk);
  ASSERT_TRUE(backend->Poll().has_value());
  golden.ExpectAll("", [](std::string_view tap) {
    constexpr int kLongest = 3 * 80;  // of the first convolution; `down` has 64
    constexpr int kConvolved = 2, kEncoded = kConvolved + 2 * kBlock + 1;
    if (tap == "encoder.conv") return Epsilons(kConvolved, kLongest);
    if (tap.starts_with("encoder.block")) {
      return Epsilons(kConvolved + kBlock * (LayerOf(tap) + 1), kLongest);
    }
    if (tap == "encoder.out") return Epsilons(kEncoded, kLongest);
    if (tap.starts_with("whisper.layer")) {
      return Epsilons(kEncoded + (kBlock + kCross) * (LayerOf(tap) + 1), kLongest);
    }
    return Epsilons(kEncoded + 2 * (kBlock + kCross) + kHead, kLongest);
  });
}

}  // namespace
}  // namespace parley

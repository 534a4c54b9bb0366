// What the encoder promises beyond the goldens: slices, limits, and silence that is not computed.
// SPDX-License-Identifier: Apache-2.0
#include "model/audio_encoder.h"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "support/compare.h"
#include "support/paths.h"

namespace parley::model {
namespace {

constexpr int32_t kMels = 80;

class TinyEncoder : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto checkpoint = weights::Checkpoint::Open(test::GoldenDir() + "/whisper");
    ASSERT_TRUE(checkpoint.has_value()) << checkpoint.error().message;
    auto encoder = AudioEncoder::Load(*backend_, **checkpoint, kernels::Storage::kF32);
    ASSERT_TRUE(encoder.has_value()) << encoder.error().message;
    encoder_ = *std::move(encoder);
    state_ = encoder_->NewState(40);
  }

  // Noise, and from `silence` on one value as in a silent log-mel.
  static std::vector<float> Mel(int32_t frames, int32_t silence) {
    std::vector<float> mel = ::parley::testing::Noise(3).Values(static_cast<size_t>(frames) *
                                                                static_cast<size_t>(kMels));
    std::fill(mel.begin() + silence * kMels, mel.end(), -0.6F);
    return mel;
  }

  std::vector<float> Encode(std::vector<float> mel, SilentTail tail = {}) {
    const auto frames = static_cast<int32_t>(mel.size()) / kMels;
    const kernels::TensorView view{
        .data = mel.data(), .rows = frames, .cols = kMels, .stride = kMels};
    const Status begun = encoder_->Begin(view, tail, state_);
    EXPECT_TRUE(begun.has_value());
    slices_ = 1;
    while (!encoder_->Advance(state_)) ++slices_;
    std::vector<float> out(static_cast<size_t>(state_.out_rows) * 32);
    backend_->Download(state_.out.view().Rows(0, state_.out_rows), out);
    return out;
  }

  std::unique_ptr<kernels::Backend> backend_ = kernels::MakeReferenceBackend();
  std::unique_ptr<AudioEncoder> encoder_;
  EncoderState state_;
  int slices_ = 0;
};

TEST_F(TinyEncoder, ReadsItsSizesFromTheTensors) {
  const EncoderGeometry& g = encoder_->geometry();
  EXPECT_EQ(g.mels, 80);
  EXPECT_EQ(g.positions, 20);
  EXPECT_EQ(g.hidden, 32);
  EXPECT_EQ(g.heads, 2);
  EXPECT_EQ(g.layers, 2);
  EXPECT_EQ(g.ffn, 64);
  EXPECT_FALSE(g.pool);
}

TEST_F(TinyEncoder, TakesOneBlockASlice) {
  Encode(Mel(24, 24));
  EXPECT_EQ(slices_, 2);
  EXPECT_EQ(state_.out_rows, 12);
}

TEST_F(TinyEncoder, SilenceThatIsNotComputedEqualsSilenceThatIs) {
  // 16 frames of sound, silence to the end of the window: whole, and with all but 12 frames of it made from one row.
  const std::vector<float> whole = Encode(Mel(38, 16));
  ASSERT_EQ(state_.out_rows, 19);
  // Rows 0…11 are computed, rows 12 and 13 see the edge and are left out, rows 12…18 are made.
  const std::vector<float> made = Encode(Mel(28, 16), {.rows = 7, .stride = 1});
  ASSERT_EQ(state_.out_rows, 19);
  // Only the last row of the whole input differs before the blocks (it sees the edge of the window); it is one key of
  // nineteen, so the others may differ a little, and with no edge at all they do not: hence the bound.
  double worst = 0;
  for (size_t i = 0; i < made.size() - 32; ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(made[i]) - static_cast<double>(whole[i])));
  }
  EXPECT_LT(worst, 0.2) << "outputs are of order one";
  // Before the blocks they are equal to the bit.
  std::vector<float> before_whole(19 * 32);
  std::vector<float> before_made(19 * 32);
  backend_->SetTap([&](std::string_view name, int, const kernels::TensorView& value) {
    if (name == "encoder.conv") backend_->Download(value, before_made);
  });
  Encode(Mel(28, 16), {.rows = 7, .stride = 1});
  backend_->SetTap([&](std::string_view name, int, const kernels::TensorView& value) {
    if (name == "encoder.conv") backend_->Download(value, before_whole);
  });
  Encode(Mel(38, 16));
  backend_->SetTap({});
  before_made.resize(18 * 32);
  before_whole.resize(18 * 32);
  EXPECT_EQ(before_made, before_whole);
}

TEST_F(TinyEncoder, AStrideTakesThePositionsApart) {
  std::vector<float> dense(19 * 32);
  std::vector<float> apart(14 * 32);
  backend_->SetTap([&](std::string_view name, int, const kernels::TensorView& value) {
    if (name == "encoder.conv") backend_->Download(value, value.rows == 19 ? dense : apart);
  });
  Encode(Mel(28, 16), {.rows = 7, .stride = 1});
  Encode(Mel(28, 16), {.rows = 2, .stride = 4});
  backend_->SetTap({});
  for (size_t row = 0; row < 2; ++row) {
    for (size_t c = 0; c < 32; ++c) {
      EXPECT_EQ(apart[(12 + row) * 32 + c], dense[(12 + 4 * row) * 32 + c]) << row << " " << c;
    }
  }
}

TEST_F(TinyEncoder, RefusesWhatItHasNoRoomOrPositionsFor) {
  std::vector<float> mel = Mel(42, 42);
  const kernels::TensorView longer{.data = mel.data(), .rows = 42, .cols = kMels, .stride = kMels};
  const Status refused = encoder_->Begin(longer, state_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("42 frames"), std::string::npos);
  const kernels::TensorView view{.data = mel.data(), .rows = 28, .cols = kMels, .stride = kMels};
  EXPECT_FALSE(encoder_->Begin(view, {.rows = 3, .stride = 3}, state_).has_value());
  EXPECT_TRUE(encoder_->Begin(view, {.rows = 2, .stride = 4}, state_).has_value());
}

TEST_F(TinyEncoder, RefusesMoreSoundsThanItsStateWasMadeFor) {
  const std::vector<float> mel = Mel(8, 8);
  const kernels::TensorView view{
      .data = const_cast<float*>(mel.data()), .rows = 8, .cols = kMels, .stride = kMels};
  const std::vector<kernels::TensorView> two(2, view);
  const Status refused = encoder_->Begin(two, {}, state_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("2 sounds"), std::string::npos);
  EXPECT_FALSE(encoder_->Begin(std::span<const kernels::TensorView>(), {}, state_).has_value());
}

// Sounds of odd and even lengths, one of a single row: pooling, convolutions and attention end where each of them ends.
TEST(StepAudioEars, SoundsInOneBatchAreEachAloneToTheBit) {
  const auto checkpoint = weights::Checkpoint::Open(test::GoldenDir() + "/step_audio");
  ASSERT_TRUE(checkpoint.has_value());
  for (const bool fast : {false, true}) {
    const auto backend =
        fast ? kernels::MakeCpuBackend({.threads = 2}) : kernels::MakeReferenceBackend();
    const auto encoder = AudioEncoder::Load(*backend, **checkpoint, kernels::Storage::kF32);
    const auto adaptor = Adaptor::Load(*backend, **checkpoint, kernels::Storage::kF32);
    ASSERT_TRUE(encoder.has_value() && adaptor.has_value());
    const int32_t mels = (*encoder)->geometry().mels;
    const int32_t most = 2 * (*encoder)->geometry().positions;
    const auto hear = [&](std::span<const kernels::TensorView> sounds) {
      EncoderState state = (*encoder)->NewState(most, 4);
      EXPECT_TRUE((*encoder)->Begin(sounds, {}, state).has_value());
      while (!(*encoder)->Advance(state)) {
      }
      int32_t rows = 0;
      for (const int32_t count : state.sound_out_rows) rows += (*adaptor)->OutRows(count);
      const kernels::Tensor out =
          backend->Allocate(kernels::DType::kF32, rows, (*adaptor)->out_width());
      (*adaptor)->Forward(state.out.view().Rows(0, state.out_rows), state.sound_out_rows, out);
      std::vector<float> values(static_cast<size_t>(rows) *
                                static_cast<size_t>((*adaptor)->out_width()));
      backend->Download(out, values);
      return values;
    };
    std::vector<std::vector<float>> memory;
    std::vector<kernels::TensorView> sounds;
    for (const int32_t frames : {most - 1, 3, most, 7}) {
      memory.push_back(::parley::testing::Noise(static_cast<uint64_t>(frames))
                           .Values(static_cast<size_t>(frames) * static_cast<size_t>(mels)));
      sounds.push_back(
          {.data = memory.back().data(), .rows = frames, .cols = mels, .stride = mels});
    }
    std::vector<float> alone;
    for (const kernels::TensorView& sound : sounds) {
      const std::vector<float> one = hear({&sound, 1});
      alone.insert(alone.end(), one.begin(), one.end());
    }
    EXPECT_EQ(hear(sounds), alone) << backend->name();
    ASSERT_TRUE(backend->Poll().has_value());
  }
}

TEST(SilentTail, CountsEachOfItsRowsAsStrideKeys) {
  const auto backend = kernels::MakeReferenceBackend();
  const SilentTail tail{.rows = 2, .stride = 3};
  ASSERT_EQ(tail.Keys(5), 9);
  const kernels::Tensor keys = backend->Allocate(kernels::DType::kF32, 9, 1);
  backend->Upload(std::vector<float>{1, 2, 3, 4, 5, 0, 0, 0, 0}, keys);
  tail.Repeat(*backend, keys, 5);
  std::vector<float> values(9);
  backend->Download(keys, values);
  EXPECT_EQ(values, (std::vector<float>{1, 2, 3, 4, 5, 4, 5, 4, 5}));
}

TEST(AudioEncoder, SaysWhatItLookedForInAForeignCheckpoint) {
  const auto backend = kernels::MakeReferenceBackend();
  const auto checkpoint = weights::Checkpoint::Open(test::GoldenDir() + "/llama");
  ASSERT_TRUE(checkpoint.has_value());
  const auto encoder = AudioEncoder::Load(*backend, **checkpoint, kernels::Storage::kAsIs);
  ASSERT_FALSE(encoder.has_value());
  EXPECT_NE(encoder.error().message.find("encoder/conv1/weight"), std::string::npos);
  EXPECT_FALSE(Adaptor::Load(*backend, **checkpoint, kernels::Storage::kAsIs).has_value());
}

TEST(Adaptor, CountsItsRowsAsTheServerDoes) {
  const auto backend = kernels::MakeReferenceBackend();
  const auto checkpoint = weights::Checkpoint::Open(test::GoldenDir() + "/step_audio");
  ASSERT_TRUE(checkpoint.has_value());
  const auto adaptor = Adaptor::Load(*backend, **checkpoint, kernels::Storage::kF32);
  ASSERT_TRUE(adaptor.has_value()) << adaptor.error().message;
  EXPECT_EQ((*adaptor)->out_width(), 48);
  // Samples, mel frames T = ceil(N / 160) + 2, conv rows ceil(T / 2), pooled floor(C / 2): ceil(N / 1280) embeddings.
  for (int64_t n = 1; n <= 480000 - 320; n += 37) {
    const int64_t frames = (n + 159) / 160 + 2;
    const int64_t pooled = (frames + 1) / 2 / 2;
    EXPECT_EQ((*adaptor)->OutRows(static_cast<int32_t>(pooled)), (n + 1279) / 1280) << n;
  }
}

}  // namespace
}  // namespace parley::model

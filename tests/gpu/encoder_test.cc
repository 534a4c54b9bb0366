// The audio encoder on the GPU: its operations against the reference, the whole of it in its true width against what
// transformers says, several sounds in one batch against each alone.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <numbers>
#include <numeric>

#include "features/log_mel.h"
#include "features/mel_filters.h"
#include "golden/golden.h"
#include "golden/true_widths.h"
#include "gpu/gpu_bed.h"
#include "model/audio_encoder.h"

namespace parley::kernels {
namespace {

using testing::Close;

class GpuEncoder : public Gpu {};

// Weights of the softmax are rounded to bf16, relatively by half a step; so are the results.
TEST_F(GpuEncoder, GroupsSeeThemselvesWhole) {
  constexpr int32_t kHeads = 3;
  for (const int32_t dim : {64, 32}) {  // the second one by the plain kernel
    for (const std::vector<int32_t>& rows : {std::vector<int32_t>{1},
                                             {64, 1, 65},
                                             {129, 63, 128, 127},
                                             {300},
                                             {50, 700},
                                             std::vector<int32_t>(19, 7)}) {
      const int32_t all = std::accumulate(rows.begin(), rows.end(), 0);
      const int32_t cols = 3 * kHeads * dim;
      const auto values = Bf16Values(static_cast<size_t>(all * cols), 11, 2.0F);
      std::vector<float> results[2];
      for (Side* side : {&ref_, &gpu_}) {
        const DType type = side == &gpu_ ? DType::kBf16 : DType::kF32;
        const TensorView qkv = side->Make(all, cols, values, 16, type);  // begins at 16 bytes
        const TensorView out = side->Make(all, kHeads * dim, {}, 0, type);
        side->be->AttendGroups(qkv.Cols(0, kHeads * dim), qkv.Cols(kHeads * dim, kHeads * dim),
                               qkv.Cols(2 * kHeads * dim, kHeads * dim), rows, dim, out);
        results[side == &gpu_ ? 1 : 0] = side->Values(out);
      }
      EXPECT_TRUE(Close(results[1], results[0],
                        std::vector<double>(results[0].size(), 2.0 * testing::kEpsBf16)))
          << rows.size() << " groups, " << all << " rows, heads of " << dim;
    }
  }
}

// What is wrong with one sound is no other's affair.
TEST_F(GpuEncoder, AGroupOfNanLeavesTheOthersAlone) {
  constexpr int32_t kCols = 128;
  const std::vector<int32_t> rows = {70, 33, 129};
  auto values = Bf16Values(232 * 3 * kCols, 13, 2.0F);
  const auto hear = [&](bool spoil) {
    if (spoil) std::fill_n(values.begin() + 70 * 3 * kCols, 33 * 3 * kCols, NAN);
    const TensorView qkv = gpu_.Make(232, 3 * kCols, values, 0, DType::kBf16);
    const TensorView out = gpu_.Make(232, kCols, {}, 0, DType::kBf16);
    gpu_.be->AttendGroups(qkv.Cols(0, kCols), qkv.Cols(kCols, kCols), qkv.Cols(2 * kCols, kCols),
                          rows, 64, out);
    return gpu_.Values(out);
  };
  const auto sound = hear(false);
  const auto beside = hear(true);
  for (size_t i = 0; i < sound.size(); ++i) {
    const size_t row = i / kCols;
    const bool spoilt = row >= 70 && row < 103;
    ASSERT_TRUE(spoilt ? std::isnan(beside[i]) : beside[i] == sound[i]) << "row " << row;
  }
}

// Queries of one length over keys of another, as a decoder hears an encoder's rows.
TEST_F(GpuEncoder, RowsSeeKeysOfAnotherLength) {
  for (const auto& [rows, keys] :
       {std::pair{5, 200}, {130, 3}, {1, 1}, {3, 1500}, {70, 65}, {200, 256}}) {
    std::vector<float> results[2];
    for (Side* side : {&ref_, &gpu_}) {
      const DType type = side == &gpu_ ? DType::kBf16 : DType::kF32;
      const TensorView q =
          side->Make(rows, 128, Bf16Values(static_cast<size_t>(rows) * 128, 1, 3.0F), 0, type);
      const TensorView kv =
          side->Make(keys, 256, Bf16Values(static_cast<size_t>(keys) * 256, 2), 0, type);
      const TensorView out = side->Make(rows, 128, {}, 0, type);
      side->be->AttendDense(q, kv.Cols(0, 128), kv.Cols(128, 128), 64, false, out);
      results[side == &gpu_ ? 1 : 0] = side->Values(out);
    }
    EXPECT_TRUE(Close(results[1], results[0],
                      std::vector<double>(results[0].size(), 1.5 * testing::kEpsBf16)));
  }
}

TEST_F(GpuEncoder, ProductsWithWhatFollowsThem) {
  struct Shape {
    int32_t rows, in, out;
  };
  for (const Shape& s : {Shape{1, 64, 40},
                         {16, 64, 40},
                         {17, 64, 40},
                         {33, 1280, 264},
                         {130, 72, 1000},
                         {20, 64, 37}}) {
    SCOPED_TRACE(::testing::Message() << s.rows << " x " << s.in << " -> " << s.out);
    const auto x = Bf16Values(static_cast<size_t>(s.rows * s.in), 1);
    const auto w = Bf16Values(static_cast<size_t>(s.out * s.in), 2,
                              2.0F / std::sqrt(static_cast<float>(s.in)));
    const auto bias = Bf16Values(static_cast<size_t>(s.out), 3);
    const auto before = Bf16Values(static_cast<size_t>(s.rows * s.out), 4, 8.0F);
    std::vector<float> gelu[2], sum[2], plain[2];
    for (Side* side : {&ref_, &gpu_}) {
      const int at = side == &gpu_ ? 1 : 0;
      const DType type = side == &gpu_ ? DType::kBf16 : DType::kF32;
      const TensorView input = side->Make(s.rows, s.in, x, 0, type);
      const WeightPtr weight = side->Load(w, s.out, s.in);
      const TensorView b = side->Make(1, s.out, bias);
      const TensorView out = side->Make(s.rows, s.out, {}, 0, type);
      side->be->LinearGelu(input, *weight, b, out);
      gelu[at] = side->Values(out);
      side->be->Linear(input, *weight, b, out);
      plain[at] = side->Values(out);
      const TensorView room = side->Make(s.rows, s.out, {}, 0, type);
      const TensorView total = side->Make(s.rows, s.out, before);
      for (int i = 0; i < 2; ++i) side->be->LinearAdd(input, *weight, b, room, total);
      sum[at] = side->Values(total);
    }
    // Products are rounded to bf16, before the bias (at most one) where gelu follows, which is steeper than one nowhere
    // but by 13 %; so are results that are kept in bf16. A sum of few rows takes rounded products.
    const auto within = [&](double roundings, double bias_reach) {
      std::vector<double> t;
      for (const float v : plain[0]) {
        t.push_back(1e-4 +
                    roundings * 0.51 * testing::kEpsBf16 * (std::fabs(double{v}) + bias_reach));
      }
      return t;
    };
    EXPECT_TRUE(Close(gelu[1], gelu[0], within(2.2, 1.0)));
    EXPECT_TRUE(Close(plain[1], plain[0], within(1.0, 0.0)));
    const bool in_f32 = s.rows > 32 && s.out % 8 == 0;  // more than a decode product's
    std::vector<double> tight(sum[0].size(), 2e-4);
    EXPECT_TRUE(Close(sum[1], sum[0], in_f32 ? tight : within(2.0, 0.0)));
  }
}

// What features/log_mel.h says, in double.
std::vector<float> LogMelInDouble(const std::vector<float>& sound, int frames, int mels) {
  const features::MelFilters filters(mels, 201, 16000);
  const int64_t length = int64_t{frames} * 160;
  std::vector<float> out;
  double loudest = -10.0;
  for (int t = 0; t < frames; ++t) {
    std::vector<double> power(201);
    for (int k = 0; k < 201; ++k) {
      double re = 0.0;
      double im = 0.0;
      for (int n = 0; n < 400; ++n) {
        int64_t at = std::abs(int64_t{t} * 160 - 200 + n) % (2 * (length - 1));
        if (at >= length) at = 2 * (length - 1) - at;
        const double x =
            at < static_cast<int64_t>(sound.size()) ? sound[static_cast<size_t>(at)] : 0.0;
        const double hann = 0.5 - 0.5 * std::cos(2.0 * std::numbers::pi * n / 400);
        re += x * hann * std::cos(2.0 * std::numbers::pi * (k * n % 400) / 400);
        im += x * hann * std::sin(2.0 * std::numbers::pi * (k * n % 400) / 400);
      }
      power[static_cast<size_t>(k)] = re * re + im * im;
    }
    for (int m = 0; m < mels; ++m) {
      double sum = 0.0;
      for (int k = 0; k < 201; ++k)
        sum += power[static_cast<size_t>(k)] * double{filters.Weight(m, k)};
      const double value = std::log10(std::max(sum, 1e-10));
      loudest = std::max(loudest, value);
      out.push_back(static_cast<float>(value));
    }
  }
  for (float& v : out) v = static_cast<float>((std::max(double{v}, loudest - 8.0) + 4.0) / 4.0);
  return out;
}

// A bin of 1e-8 of the loudest one's power is what the floor keeps: f32 sums of 200 terms know its amplitude, 1e-4 of the
// loudest, to some 1e-3 of itself, and log10(x) / 4 moves by 0.2 of that.
TEST_F(GpuEncoder, LogMelIsThatOfTheHost) {
  ASSERT_TRUE(gpu_.be->makes_log_mel());
  for (const int mels : {128, 80}) {
    std::vector<float> table;
    const features::MelFilters filters(mels, 201, 16000);
    for (int k = 0; k < 201; ++k) {
      for (int m = 0; m < mels; ++m) table.push_back(filters.Weight(m, k));
    }
    const TensorView weights = gpu_.Make(201, mels, table);
    for (const int samples : {1, 150, 1600, 16000, 41000}) {
      const int frames = features::StepAudioFrames(samples);
      std::vector<float> sound(static_cast<size_t>(samples));
      testing::Noise noise(5);
      const std::vector<float> hiss = noise.Values(sound.size(), 0.001F);
      for (size_t i = 0; i < sound.size(); ++i) {
        const double t = static_cast<double>(i) / 16000.0;
        sound[i] =
            static_cast<float>(0.5 * std::sin(2764.6 * t) + 0.02 * std::sin(9000.0 * t * t)) +
            hiss[i];
      }
      const TensorView out = gpu_.Make(frames, mels, {});
      gpu_.be->LogMel(sound, weights, out);
      const auto truth = LogMelInDouble(sound, frames, mels);
      EXPECT_TRUE(Close(gpu_.Values(out), truth, std::vector<double>(truth.size(), 1e-3)))
          << samples << " samples, " << mels << " bins";
    }
    const TensorView silence = gpu_.Make(7, mels, {});
    gpu_.be->LogMel({}, weights, silence);
    for (const float v : gpu_.Values(silence)) EXPECT_FLOAT_EQ(v, -1.5F);
  }
}

struct Ears {
  std::unique_ptr<model::AudioEncoder> encoder;
  std::unique_ptr<model::Adaptor> adaptor;

  static Ears Load(Backend& backend, const weights::Checkpoint& checkpoint) {
    auto encoder = model::AudioEncoder::Load(backend, checkpoint, Storage::kBf16);
    auto adaptor = model::Adaptor::Load(backend, checkpoint, Storage::kBf16);
    EXPECT_TRUE(encoder.has_value() && adaptor.has_value());
    return {*std::move(encoder), *std::move(adaptor)};
  }

  // Embeddings of each sound.
  std::vector<std::vector<float>> Hear(Backend& backend,
                                       const std::vector<std::vector<float>>& mels) const {
    int32_t most = 1;
    std::vector<TensorView> views;
    for (const auto& mel : mels) {
      const auto frames = static_cast<int32_t>(mel.size()) / 128;
      most = std::max(most, frames);
      views.push_back(
          {.data = const_cast<float*>(mel.data()), .rows = frames, .cols = 128, .stride = 128});
    }
    model::EncoderState state = encoder->NewState(most, static_cast<int32_t>(mels.size()));
    EXPECT_TRUE(encoder->Begin(views, {}, state).has_value());
    return Finish(backend, state);
  }
  std::vector<std::vector<float>> Finish(Backend& backend, model::EncoderState& state) const {
    while (!encoder->Advance(state)) {
    }
    int32_t rows = 0;
    for (const int32_t count : state.sound_out_rows) rows += adaptor->OutRows(count);
    const Tensor out = backend.Allocate(DType::kF32, rows, adaptor->out_width());
    adaptor->Forward(state.out.view().Rows(0, state.out_rows), state.sound_out_rows, out);
    std::vector<std::vector<float>> heard;
    int32_t first = 0;
    for (const int32_t count : state.sound_out_rows) {
      const TensorView view = out.view().Rows(first, adaptor->OutRows(count));
      first += view.rows;
      heard.emplace_back(static_cast<size_t>(view.rows) * static_cast<size_t>(view.cols));
      backend.Download(view, heard.back());
    }
    EXPECT_TRUE(backend.Poll().has_value());
    return heard;
  }
};

std::vector<float> Mel(int32_t frames, uint64_t seed) {
  return testing::Noise(seed).Values(static_cast<size_t>(frames) * 128);
}

// Every value on the way is rounded to bf16 once or twice, relatively by 2^-9.5 typically; some twenty of these roundings add
// up like independent errors.
constexpr double kBf16Way = 0.01;

TEST_F(GpuEncoder, InItsTrueWidthSaysWhatTransformersSays) {
  golden::Golden golden("width.taps.safetensors", *gpu_.be);
  ASSERT_TRUE(golden.ok());
  const golden::TrueWidths widths(1, 1);
  const Ears ears = Ears::Load(*gpu_.be, widths.checkpoint());
  const auto heard = ears.Hear(*gpu_.be, {golden.Values("input.mel")});
  const double apart = Apart(heard.front(), golden.Values("adaptor.out"));
  std::printf("one layer: %.5f of transformers' f32\n", apart);
  EXPECT_LT(apart, kBf16Way);
}

TEST_F(GpuEncoder, FourLayersOfTrueWidthAreTheReference) {
  const golden::TrueWidths widths(4, 1);
  const Ears fast = Ears::Load(*gpu_.be, widths.checkpoint());
  const Ears truth = Ears::Load(*ref_.be, widths.checkpoint());
  const std::vector<std::vector<float>> mels = {Mel(41, 1), Mel(18, 2)};
  const auto found = fast.Hear(*gpu_.be, mels);
  const auto expected = truth.Hear(*ref_.be, mels);
  for (size_t i = 0; i < mels.size(); ++i) {
    const double apart = Apart(found[i], expected[i]);
    std::printf("four layers, sound %zu: %.5f\n", i, apart);
    EXPECT_LT(apart, kBf16Way * 1.5);
  }
}

// Not to the last bit: the library may choose another kernel for another number of rows, and sums in another order.
TEST_F(GpuEncoder, SoundsInOneBatchAreEachAlone) {
  const golden::TrueWidths widths(4, 1);
  const Ears ears = Ears::Load(*gpu_.be, widths.checkpoint());
  const std::vector<std::vector<float>> mels = {Mel(2502, 1), Mel(102, 2), Mel(333, 3),
                                                Mel(3000, 4)};
  const auto together = ears.Hear(*gpu_.be, mels);
  for (size_t i = 0; i < mels.size(); ++i) {
    const auto alone = ears.Hear(*gpu_.be, {mels[i]});
    EXPECT_LT(Apart(together[i], alone.front()), kBf16Way) << "sound " << i;
  }
}

TEST_F(GpuEncoder, SoundGoesInAsWellAsFeatures) {
  const golden::TrueWidths widths(2, 1);
  const Ears ears = Ears::Load(*gpu_.be, widths.checkpoint());
  std::vector<std::vector<float>> sounds;
  std::vector<std::vector<float>> mels;
  std::vector<PcmView> views;
  std::vector<int32_t> frames;
  for (const int samples : {16000, 5003}) {
    sounds.push_back(testing::Noise(7).Values(static_cast<size_t>(samples), 0.3F));
    frames.push_back(features::StepAudioFrames(samples));
    mels.push_back(LogMelInDouble(sounds.back(), frames.back(), 128));
  }
  for (const auto& sound : sounds) views.emplace_back(sound);
  model::EncoderState state = ears.encoder->NewState(200, 2);
  ASSERT_TRUE(ears.encoder->Begin(views, frames, state).has_value());
  const auto found = ears.Finish(*gpu_.be, state);
  const auto expected = ears.Hear(*gpu_.be, mels);
  for (size_t i = 0; i < sounds.size(); ++i) EXPECT_LT(Apart(found[i], expected[i]), kBf16Way);
}

}  // namespace
}  // namespace parley::kernels

// SPDX-License-Identifier: Apache-2.0
#include "bench/encoder_bench.h"

#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <ostream>
#include <span>
#include <utility>

#include "bench/measure.h"
#include "bench/random_weights.h"
#include "common/pcm.h"
#include "kernels/cuda_devices.h"
#include "kernels/random_values.h"
#include "model/audio_encoder.h"

namespace parley::bench {
namespace {

using kernels::DType;
using kernels::Tensor;
using kernels::TensorView;

class EncoderBench {
 public:
  EncoderBench(const EncoderBenchOptions& options, std::ostream& out)
      : options_(options), out_(out) {}
  Status Run() {
    PARLEY_TRY(backend_, kernels::MakeCudaBackend({.device = options_.device}));
    PARLEY_TRY(const RandomDecoder random, MakeRandomEars(options_.geometry, options_.layers));
    PARLEY_TRY(encoder_,
               model::AudioEncoder::Load(*backend_, *random.checkpoint, kernels::Storage::kBf16));
    PARLEY_TRY(adaptor_,
               model::Adaptor::Load(*backend_, *random.checkpoint, kernels::Storage::kBf16));
    for (const int32_t sounds : options_.sounds) PARLEY_TRY_STATUS(Case(sounds));
    return {};
  }

 private:
  Status Case(int32_t sounds);
  void Embed(model::EncoderState& state, const TensorView& out) const {
    while (!encoder_->Advance(state)) {
    }
    adaptor_->Forward(state.out.view().Rows(0, state.out_rows), state.sound_out_rows, out);
  }
  // Of `repeat` runs one behind another, each; the host waits once.
  Spread Timed(const std::function<void()>& run, int repeat = 1);
  Status Parts(int32_t sounds, int32_t rows);
  double Operations(int32_t rows, int32_t groups) const;

  EncoderBenchOptions options_;
  std::ostream& out_;
  std::unique_ptr<kernels::Backend> backend_;
  std::unique_ptr<model::AudioEncoder> encoder_;
  std::unique_ptr<model::Adaptor> adaptor_;
};

Spread EncoderBench::Timed(const std::function<void()>& run, int repeat) {
  Status polled;
  Spread spread = Measure([&] {
    for (int i = 0; i < repeat; ++i) run();
    if (Status now = backend_->Poll(); polled.has_value()) polled = std::move(now);
  });
  if (!polled.has_value()) spread = {};  // Case says why
  spread.median_us /= repeat, spread.p10_us /= repeat, spread.p90_us /= repeat;
  return spread;
}

// Of the blocks and the second convolution; what else there is, is 1 %.
double EncoderBench::Operations(int32_t rows, int32_t groups) const {
  const model::EncoderGeometry& g = encoder_->geometry();
  const double matrices = 4.0 * g.hidden * g.hidden + 2.0 * g.hidden * g.ffn;
  const double attention = 2.0 * rows / groups * g.hidden;  // a row
  return 2.0 * rows * (g.layers * (matrices + attention) + 3.0 * g.hidden * g.hidden);
}

Status EncoderBench::Case(int32_t sounds) {
  const auto samples = static_cast<size_t>(options_.seconds * kSampleRateHz);
  const auto frames = static_cast<int32_t>((samples + 159) / 160 + 2);
  std::vector<float> sound(samples);
  for (size_t i = 0; i < samples; ++i) sound[i] = 0.1F * kernels::RandomValue(1, i);
  const std::vector<PcmView> all(static_cast<size_t>(sounds), PcmView(sound));
  const std::vector<int32_t> lengths(static_cast<size_t>(sounds), frames);
  model::EncoderState state = encoder_->NewState(frames, sounds);
  PARLEY_TRY_STATUS(encoder_->Begin(all, lengths, state));
  const int32_t rows = state.rows;
  const int32_t embeddings = adaptor_->OutRows(rows / sounds / 2) * sounds;
  const Tensor out = backend_->Allocate(DType::kF32, embeddings, adaptor_->out_width());
  PARLEY_TRY_STATUS(backend_->Poll());

  const Spread begun = Timed([&] { (void)encoder_->Begin(all, lengths, state); });
  const Spread whole = Timed([&] {
    (void)encoder_->Begin(all, lengths, state);
    Embed(state, out);
  });
  // What stands in `x` is encoded again and again: the norms hold it in bounds.
  const Spread blocks = Timed([&] {
    state.next_layer = 0;
    state.out_rows = 0;
    Embed(state, out);
  });
  PARLEY_TRY_STATUS(backend_->Poll());
  Report("ears")
      .Text("geometry", options_.geometry)
      .Number("sounds", sounds)
      .Number("seconds", options_.seconds)
      .Number("rows", rows)
      .Number("embeddings", embeddings)
      .Number("from_sound_us", whole.median_us)
      .Number("features_and_convolutions_us", begun.median_us)
      .Number("blocks_and_adaptor_us", blocks.median_us)
      .Number("tflops", Operations(rows, sounds) / whole.median_us * 1e-6)
      .Times(whole)
      .Print(out_, options_.json);
  return options_.parts ? Parts(sounds, rows) : Status();
}

Status EncoderBench::Parts(int32_t sounds, int32_t rows) {
  const model::EncoderGeometry& g = encoder_->geometry();
  const auto make = [&](int32_t count, int32_t cols, DType type = DType::kBf16) {
    return backend_->Allocate(type, count, cols);
  };
  const Tensor x = make(rows, g.hidden, DType::kF32);
  const Tensor h = make(rows, g.hidden);
  const Tensor qkv = make(rows, 3 * g.hidden);
  const Tensor ffn = make(rows, g.ffn);
  const Tensor norm = make(1, g.hidden, DType::kF32);
  const Tensor qkv_bias = make(1, 3 * g.hidden, DType::kF32);
  const Tensor ffn_bias = make(1, g.ffn, DType::kF32);
  const auto weight = [&](int32_t to, int32_t from) {
    const kernels::WeightSource source{.format = kernels::WeightFormat::kBf16,
                                       .out = to,
                                       .in = from,
                                       .random_seed = 1,
                                       .random_scale = std::sqrt(3.0F / static_cast<float>(from))};
    return backend_->LoadWeight({&source, 1}, kernels::Storage::kBf16);
  };
  PARLEY_TRY(const auto w_qkv, weight(3 * g.hidden, g.hidden));
  PARLEY_TRY(const auto w_out, weight(g.hidden, g.hidden));
  PARLEY_TRY(const auto w_up, weight(g.ffn, g.hidden));
  PARLEY_TRY(const auto w_down, weight(g.hidden, g.ffn));
  const std::vector<int32_t> groups(static_cast<size_t>(sounds), rows / sounds);
  const auto part = [&](const char* name, double operations, const std::function<void()>& run) {
    constexpr int kRepeat = 64;
    const Spread spread = Timed(run, kRepeat);
    Report("ears part")
        .Text("part", name)
        .Number("sounds", sounds)
        .Number("tflops", operations / spread.median_us * 1e-6)
        .Times(spread)
        .Print(out_, options_.json);
  };
  const auto product = [&](int32_t to, int32_t from) { return 2.0 * rows * to * from; };
  kernels::Backend& b = *backend_;
  part("norm", 0.0, [&] { b.LayerNorm(x, norm, norm, 1e-5F, h); });
  part("qkv", product(3 * g.hidden, g.hidden), [&] { b.Linear(h, *w_qkv, qkv_bias, qkv); });
  part("attend", 4.0 * rows * (rows / sounds) * g.hidden, [&] {
    b.AttendGroups(qkv.view().Cols(0, g.hidden), qkv.view().Cols(g.hidden, g.hidden),
                   qkv.view().Cols(2 * g.hidden, g.hidden), groups, g.hidden / g.heads, h);
  });
  part("out", product(g.hidden, g.hidden), [&] { b.LinearAdd(h, *w_out, norm, h, x); });
  part("up", product(g.ffn, g.hidden), [&] { b.LinearGelu(h, *w_up, ffn_bias, ffn); });
  part("gelu", 0.0, [&] { b.Gelu(ffn); });
  part("down", product(g.hidden, g.ffn), [&] { b.LinearAdd(ffn, *w_down, norm, h, x); });
  return backend_->Poll();
}

}  // namespace

Status RunEncoderBench(const EncoderBenchOptions& options, std::ostream& out) {
  return EncoderBench(options, out).Run();
}

}  // namespace parley::bench

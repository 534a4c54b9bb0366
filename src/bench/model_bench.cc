// SPDX-License-Identifier: Apache-2.0
#include "bench/model_bench.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <numeric>
#include <thread>

#include "bench/measure.h"
#include "kernels/backend.h"
#include "model/audio_encoder.h"
#include "model/decoder.h"
#include "model/whisper_decoder.h"
#include "weights/checkpoint.h"

namespace parley::bench {
namespace {

using kernels::Backend;
using kernels::StepBatch;

constexpr int32_t kPages = 96;  // of 16 positions
constexpr int32_t kMaxRows = 128;
constexpr int32_t kMaxLogits = 4;

// A decoder with its cache, one sequence a row, every sequence with pages of its own.
class DecodeLoop {
 public:
  static Result<std::unique_ptr<DecodeLoop>> Load(Backend& backend, const std::string& path) {
    auto loop = std::make_unique<DecodeLoop>();
    PARLEY_TRY(const auto checkpoint, weights::Checkpoint::Open(path));
    PARLEY_TRY(loop->decoder_, model::Decoder::Load(backend, *checkpoint));
    const auto& g = loop->decoder_->geometry();
    PARLEY_TRY(loop->pool_,
               backend.AllocateKv(
                   {.layers = g.layers, .kv_heads = g.kv_heads, .head_dim = g.head_dim}, kPages));
    loop->state_ = loop->decoder_->NewState(kMaxRows, kMaxLogits);
    return loop;
  }

  // `rows` positions of one sequence, of which the last gives logits.
  void Prefill(int32_t rows) {
    std::iota(table_.begin(), table_.end(), 0);
    Forward(rows, std::vector<int32_t>(static_cast<size_t>(rows), 0), 0, kPages, {rows - 1});
  }
  // One row for each of `branches` sequences, all at `position`; every branch has a part of the pages for itself.
  void Decode(int32_t branches, int32_t position) {
    std::iota(table_.begin(), table_.end(), 0);
    std::vector<int32_t> seq(static_cast<size_t>(branches));
    std::iota(seq.begin(), seq.end(), 0);
    Forward(branches, seq, position, kPages / branches, seq);
  }
  double weight_bytes() const { return static_cast<double>(decoder_->weight_bytes()); }

 private:
  void Forward(int32_t rows, const std::vector<int32_t>& seq, int32_t position, int32_t max_pages,
               const std::vector<int32_t>& logit_rows) {
    ids_.resize(static_cast<size_t>(rows));
    positions_.resize(static_cast<size_t>(rows));
    for (int32_t i = 0; i < rows; ++i) {
      ids_[static_cast<size_t>(i)] = 1000 + 37 * i;
      positions_[static_cast<size_t>(i)] = position + (logit_rows.size() == 1 && rows > 1 ? i : 0);
    }
    const StepBatch batch{.pool = &pool_,
                          .rows = rows,
                          .position = positions_.data(),
                          .row_seq = seq.data(),
                          .seqs = kPages / max_pages,
                          .page_table = table_.data(),
                          .max_pages = max_pages};
    decoder_->Forward({.ids = ids_, .embeddings = {}, .batch = &batch, .logit_rows = logit_rows},
                      state_);
  }

  std::unique_ptr<model::Decoder> decoder_;
  kernels::KvPool pool_;
  model::DecoderState state_;
  std::vector<int32_t> table_ = std::vector<int32_t>(kPages);
  std::vector<TokenId> ids_;
  std::vector<int32_t> positions_;
};

// Keeps one core busy as long as it lives: what another program on the machine does to us.
class Thief {
 public:
  Thief()
      : thread_([](const std::stop_token& stop) {
          std::atomic<uint64_t> n = 0;
          while (!stop.stop_requested()) n.fetch_add(1, std::memory_order_relaxed);
        }) {}

 private:
  std::jthread thread_;
};

Status BenchDecoder(Backend& backend, int threads, const ModelBenchOptions& options,
                    std::ostream& out) {
  PARLEY_TRY(
      const auto loop,
      DecodeLoop::Load(backend,
                       options.models + "/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf"));
  const auto report = [&](const std::string& name, const Spread& t, double tokens) {
    Report(name)
        .Text("backend", std::string(backend.name()))
        .Number("threads", threads)
        .Times(t)
        .Number("tokens_per_s", tokens / t.median_us * 1e6)
        .Number("weight_gb_per_s", loop->weight_bytes() / t.median_us * 1e-3)
        .Print(out, options.json);
  };
  constexpr auto kLong = std::chrono::milliseconds(2000);
  const Spread one = Measure([&] { loop->Decode(1, 64); }, kLong);
  report("decode_at_64", one, 1);
  report("decode_at_1024", Measure([&] { loop->Decode(1, 1024); }, kLong), 1);
  const Spread four = Measure([&] { loop->Decode(4, 64); }, kLong);
  report("decode_4_branches", four, 4);
  report("prefill_128", Measure([&] { loop->Prefill(128); }, kLong), 128);
  const Thief thief;
  report("decode_at_64_core_stolen", Measure([&] { loop->Decode(1, 64); }, kLong), 1);
  return {};
}

Status BenchWhisper(Backend& backend, int threads, const ModelBenchOptions& options,
                    std::ostream& out) {
  constexpr int32_t kFrames = 1000;  // 10 s
  constexpr int32_t kPrompt = 4;
  PARLEY_TRY(const auto checkpoint, weights::Checkpoint::Open(options.models + "/whisper-base"));
  PARLEY_TRY(const auto encoder,
             model::AudioEncoder::Load(backend, *checkpoint, kernels::Storage::kI8Row));
  PARLEY_TRY(const auto decoder,
             model::WhisperDecoder::Load(backend, *checkpoint, kernels::Storage::kI8Row));
  const int32_t mels = encoder->geometry().mels;
  std::vector<float> mel(static_cast<size_t>(kFrames * mels));
  for (size_t i = 0; i < mel.size(); ++i) mel[i] = static_cast<float>(i % 97) / 97.0F - 0.5F;
  const kernels::TensorView host{.data = mel.data(),
                                 .dtype = kernels::DType::kF32,
                                 .rows = kFrames,
                                 .cols = mels,
                                 .stride = mels};
  model::EncoderState state = encoder->NewState(kFrames);
  const auto encode = [&] {
    if (const Status begun = encoder->Begin(host, state); begun.has_value()) {
      while (!encoder->Advance(state)) {
      }
    }
  };
  const auto report = [&](const std::string& name, const Spread& t) -> Report {
    return std::move(Report(name)
                         .Text("backend", std::string(backend.name()))
                         .Number("threads", threads)
                         .Times(t));
  };
  constexpr auto kLong = std::chrono::milliseconds(1500);
  report("whisper_encoder_10s", Measure(encode, kLong)).Print(out, options.json);
  model::WhisperState said = decoder->NewState(kFrames / 2, kPrompt);
  const kernels::TensorView heard = state.out.view().Rows(0, state.out_rows);
  for (int32_t layer = 0; layer < decoder->geometry().layers; ++layer)
    decoder->Hear(heard, {}, layer, said);
  const std::vector<TokenId> prompt = {50258, 50259, 50359, 50363};
  said.length = 0;
  decoder->Forward(prompt, 1, said);
  const std::vector<TokenId> word = {1000};
  const Spread step = Measure(
      [&] {
        if (said.length > 60) said.length = kPrompt;
        decoder->Forward(word, 1, said);
      },
      kLong);
  report("whisper_decode", step)
      .Number("tokens_per_s", 1e6 / step.median_us)
      .Print(out, options.json);
  return {};
}

}  // namespace

Status RunModelBench(const ModelBenchOptions& options, std::ostream& out) {
  for (const int threads : options.threads) {
    const auto backend = kernels::MakeCpuBackend(
        {.threads = threads, .huge_pages = options.huge_pages, .isa = options.isa});
    if (options.decoder) PARLEY_TRY_STATUS(BenchDecoder(*backend, threads, options, out));
    if (options.whisper) PARLEY_TRY_STATUS(BenchWhisper(*backend, threads, options, out));
  }
  return {};
}

}  // namespace parley::bench

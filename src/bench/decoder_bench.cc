// SPDX-License-Identifier: Apache-2.0
#include "bench/decoder_bench.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <ostream>

#include "bench/measure.h"
#include "bench/random_weights.h"
#include "kernels/cuda_devices.h"
#include "model/decoder.h"
#include "model/parallel_decoder.h"

namespace parley::bench {
namespace {

using kernels::kPageTokens;

constexpr int32_t kSteps = 48;  // of a decode case, after the warm-up
constexpr int32_t kWarmUp = 6;
constexpr int32_t kPrefillRepeats = 5;

class DecoderBench {
 public:
  DecoderBench(const DecoderBenchOptions& options, std::ostream& out)
      : options_(options), out_(out) {}
  Status Run();

 private:
  struct Row {
    int32_t seq, position;
  };

  Status Load();
  Status LoadModel(const weights::Checkpoint& checkpoint);
  int32_t Sequences() const;
  int32_t LongestStep() const;
  // One step of these rows; the next token of each row of `wanted` is brought to the host.
  Status Step(const std::vector<Row>& rows, const std::vector<int32_t>& wanted);
  Status Timed(const std::vector<Row>& rows, const std::vector<int32_t>& wanted, double& us);
  Status Decode(int32_t batch);
  // The next token of every one of the first `batch` sequences, at `position`.
  static std::vector<Row> OneRowEach(int32_t batch, int32_t position);
  Status Prefill(int32_t rows);
  Status Mixed(int32_t batch, int32_t prefill);
  Status FillContexts();
  void Print(const std::string& name, std::vector<double> us, double bytes, double operations);
  double StepBytes(int64_t cached) const;
  double MatrixValues() const;  // of all layers; each is read once a step

  DecoderBenchOptions options_;
  std::ostream& out_;
  kernels::CudaCeilings ceilings_;
  std::unique_ptr<model::ParallelModel> model_;
  kernels::Backend* backend_ = nullptr;
  const model::Decoder* decoder_ = nullptr;
  model::DecoderState state_;
  kernels::KvPool pool_;
  int32_t seqs_ = 0;
  int32_t pages_each_ = 0;
  int32_t& PageOf(int32_t seq, int32_t page) {
    return table_[static_cast<size_t>(seq) * static_cast<size_t>(pages_each_) +
                  static_cast<size_t>(page)];
  }

  std::vector<int32_t> table_;
  std::vector<int32_t> ids_, positions_, row_seqs_, tokens_;
};

Status DecoderBench::Load() {
  PARLEY_TRY(ceilings_, kernels::MeasureCudaCeilings(options_.devices.front()));
  PARLEY_TRY(const RandomDecoder random, MakeRandomDecoder(options_.geometry, options_.layers));
  const auto start = std::chrono::steady_clock::now();
  PARLEY_TRY_STATUS(LoadModel(*random.checkpoint));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const model::DecoderGeometry& g = decoder_->geometry();

  seqs_ = Sequences();
  const int32_t longest = LongestStep();
  pages_each_ =
      (std::max(options_.context, longest) + kSteps + kWarmUp + 2 * kPageTokens) / kPageTokens;
  PARLEY_TRY(pool_, backend_->AllocateKv(
                        {.layers = g.layers, .kv_heads = g.kv_heads, .head_dim = g.head_dim},
                        seqs_ * pages_each_));
  table_.resize(static_cast<size_t>(seqs_) * static_cast<size_t>(pages_each_));
  // Pages of a sequence stand apart, as they do in an engine that has run for a while.
  for (int32_t seq = 0; seq < seqs_; ++seq) {
    for (int32_t page = 0; page < pages_each_; ++page) {
      PageOf(seq, page) = page * seqs_ + seq;
    }
  }
  state_ = decoder_->NewState(longest, seqs_);
  Report("decoder")
      .Text("geometry", options_.geometry)
      .Number("ranks", static_cast<double>(options_.devices.size()))
      .Text("weights",
            options_.storage == kernels::Storage::kFp8Row ? "fp8, head too; table bf16" : "bf16")
      .Number("layers", g.layers)
      .Number("gb", static_cast<double>(decoder_->weight_bytes()) * 1e-9)
      .Number("load_s", seconds)
      .Number("read_gb_per_s", ceilings_.read_gb_per_s)
      .Number("copy_gb_per_s", ceilings_.copy_gb_per_s)
      .Print(out_, options_.json);
  return backend_->Poll();
}

Status DecoderBench::LoadModel(const weights::Checkpoint& checkpoint) {
  std::vector<std::unique_ptr<kernels::Backend>> ranks;
  for (const int device : options_.devices) {
    PARLEY_TRY(auto rank, kernels::MakeCudaBackend({.device = device, .graphs = options_.graphs}));
    ranks.push_back(std::move(rank));
  }
  PARLEY_TRY(model_,
             model::ParallelModel::LoadOnDevices(std::move(ranks), LongestStep(), Sequences(),
                                                 checkpoint, options_.storage));
  backend_ = &model_->backend();
  decoder_ = &model_->decoder();
  return {};
}

int32_t DecoderBench::Sequences() const {  // one more prefills
  return 1 + *std::max_element(options_.batches.begin(), options_.batches.end());
}

int32_t DecoderBench::LongestStep() const {
  return Sequences() +
         std::max(128, *std::max_element(options_.prefills.begin(), options_.prefills.end()));
}

Status DecoderBench::Step(const std::vector<Row>& rows, const std::vector<int32_t>& wanted) {
  ids_.clear();
  positions_.clear();
  row_seqs_.clear();
  const int32_t vocabulary = std::min(decoder_->geometry().vocabulary, 150000);
  for (const Row& row : rows) {
    ids_.push_back(static_cast<int32_t>(
        (static_cast<int64_t>(row.position) * 7919 + row.seq * 104729 + 1) % vocabulary));
    positions_.push_back(row.position);
    row_seqs_.push_back(row.seq);
  }
  const kernels::StepBatch batch{.pool = &pool_,
                                 .rows = static_cast<int32_t>(rows.size()),
                                 .position = positions_.data(),
                                 .row_seq = row_seqs_.data(),
                                 .seqs = seqs_,
                                 .page_table = table_.data(),
                                 .max_pages = pages_each_};
  const model::DecoderInput input{
      .ids = ids_, .embeddings = {}, .batch = &batch, .logit_rows = wanted};
  decoder_->Forward(input, state_);
  if (!wanted.empty()) {
    tokens_.resize(wanted.size());
    const std::vector<kernels::TokenRequest> requests(
        wanted.size(), {.limit = 158352});  // the likeliest, as the peers do
    backend_->Sample(state_.logits.view().Rows(0, static_cast<int32_t>(wanted.size())), requests,
                     tokens_);
  }
  return backend_->Poll();
}

Status DecoderBench::Timed(const std::vector<Row>& rows, const std::vector<int32_t>& wanted,
                           double& us) {
  const auto start = std::chrono::steady_clock::now();
  PARLEY_TRY_STATUS(Step(rows, wanted));
  us = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
  return {};
}

double DecoderBench::MatrixValues() const {
  const model::DecoderGeometry& g = decoder_->geometry();
  const double qkv = static_cast<double>(g.heads + 2 * g.kv_heads) * g.head_dim;
  const double layer = qkv * g.hidden + static_cast<double>(g.heads) * g.head_dim * g.hidden +
                       3.0 * g.ffn * g.hidden;
  return layer * g.layers;
}

// What a step cannot but read: the layers and the head once, the keys and values that it attends to.
double DecoderBench::StepBytes(int64_t cached) const {
  const model::DecoderGeometry& g = decoder_->geometry();
  const double value = options_.storage == kernels::Storage::kFp8Row ? 1.0 : 2.0;
  const double head = static_cast<double>(g.vocabulary) * g.hidden;
  const double kv = 2.0 * g.layers * g.kv_heads * g.head_dim * 2.0;
  return (MatrixValues() + head) * value + kv * static_cast<double>(cached);
}

void DecoderBench::Print(const std::string& name, std::vector<double> us, double bytes,
                         double operations) {
  std::sort(us.begin(), us.end());
  const auto at = [&](size_t percent) { return us[(us.size() - 1) * percent / 100]; };
  const double floor_us =
      std::max(bytes / ceilings_.read_gb_per_s * 1e-3, operations / ceilings_.tflop_per_s * 1e-6) /
      static_cast<double>(options_.devices.size());
  Report(name)
      .Times({.median_us = at(50), .p10_us = at(10), .p90_us = at(90)})
      .Number("floor_us", floor_us)
      .Number("percent_of_floor", 100 * floor_us / at(50))
      .Print(out_, options_.json);
}

// The first sequence hears `context` tokens; the others get copies of its pages.
Status DecoderBench::FillContexts() {
  const int32_t most = state_.x.view().rows;
  for (int32_t begin = 0; begin < options_.context; begin += most) {
    std::vector<Row> rows;
    for (int32_t p = begin; p < std::min(options_.context, begin + most); ++p)
      rows.push_back({0, p});
    PARLEY_TRY_STATUS(Step(rows, {}));
  }
  for (int32_t seq = 1; seq < seqs_; ++seq) {
    for (int32_t page = 0; page * kPageTokens < options_.context; ++page) {
      backend_->CopyPage(pool_, PageOf(0, page), PageOf(seq, page));
    }
  }
  return backend_->Poll();
}

std::vector<DecoderBench::Row> DecoderBench::OneRowEach(int32_t batch, int32_t position) {
  std::vector<Row> rows;
  rows.reserve(static_cast<size_t>(batch));
  for (int32_t seq = 0; seq < batch; ++seq) rows.push_back({seq, position});
  return rows;
}

Status DecoderBench::Decode(int32_t batch) {
  std::vector<double> us;
  std::vector<int32_t> wanted(static_cast<size_t>(batch));
  std::iota(wanted.begin(), wanted.end(), 0);
  for (int32_t i = 0; i < kWarmUp + kSteps; ++i) {
    double spent = 0.0;
    PARLEY_TRY_STATUS(Timed(OneRowEach(batch, options_.context + i), wanted, spent));
    if (i >= kWarmUp) us.push_back(spent);
  }
  Print("decode_" + std::to_string(batch), us,
        StepBytes(static_cast<int64_t>(batch) * (options_.context + kSteps / 2)), 0.0);
  return {};
}

Status DecoderBench::Prefill(int32_t count) {
  std::vector<double> us;
  std::vector<Row> rows;
  rows.reserve(static_cast<size_t>(count));
  for (int32_t p = 0; p < count; ++p) rows.push_back({seqs_ - 1, p});
  for (int32_t i = 0; i < 2 + kPrefillRepeats; ++i) {
    double spent = 0.0;
    PARLEY_TRY_STATUS(Timed(rows, {count - 1}, spent));
    if (i >= 2) us.push_back(spent);
  }
  Print("prefill_" + std::to_string(count), us, StepBytes(count), 2.0 * MatrixValues() * count);
  return {};
}

// The others decode while one more appends.
Status DecoderBench::Mixed(int32_t batch, int32_t prefill) {
  std::vector<double> us;
  std::vector<int32_t> wanted(static_cast<size_t>(batch));
  std::iota(wanted.begin(), wanted.end(), 0);
  for (int32_t i = 0; i < 2 + kPrefillRepeats; ++i) {
    std::vector<Row> rows = OneRowEach(batch, options_.context + i);
    for (int32_t p = 0; p < prefill; ++p) rows.push_back({seqs_ - 1, p});
    double spent = 0.0;
    PARLEY_TRY_STATUS(Timed(rows, wanted, spent));
    if (i >= 2) us.push_back(spent);
  }
  Print("decode_" + std::to_string(batch) + "_and_prefill_" + std::to_string(prefill), us,
        StepBytes(static_cast<int64_t>(batch) * options_.context + prefill),
        2.0 * MatrixValues() * (batch + prefill));
  return {};
}

Status DecoderBench::Run() {
  PARLEY_TRY_STATUS(Load());
  PARLEY_TRY_STATUS(FillContexts());
  for (const int32_t batch : options_.batches) PARLEY_TRY_STATUS(Decode(batch));
  for (const int32_t rows : options_.prefills) PARLEY_TRY_STATUS(Prefill(rows));
  return Mixed(seqs_ - 1, 128);
}

}  // namespace

Status RunDecoderBench(const DecoderBenchOptions& options, std::ostream& out) {
  return DecoderBench(options, out).Run();
}

}  // namespace parley::bench

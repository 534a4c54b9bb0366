// SPDX-License-Identifier: Apache-2.0
#include "bench/quality_bench.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "bench/peer.h"
#include "model/decoder.h"
#include "model/one_sequence.h"
#include "weights/dequantize.h"
#include "weights/low_rank_update.h"

namespace parley::bench {
namespace {

using kernels::Backend;
using kernels::TensorView;
using weights::Checkpoint;

constexpr int32_t kChunk =
    100;  // rows of a step of text; a window of the golden is a multiple of it

Result<std::vector<TokenId>> Ids(const Checkpoint& golden, const std::string& name) {
  PARLEY_TRY(const weights::TensorInfo* info, golden.Require(name, {-1, -1}));
  PARLEY_TRY(const std::vector<float> values, weights::Dequantized(*info));
  return std::vector<TokenId>(values.begin(), values.end());
}

// -ln p(next) under one row of logits
double Surprise(std::span<const float> logits, TokenId next) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (const float v : logits) sum += std::exp(static_cast<double>(v - largest));
  return std::log(sum) + largest - logits[static_cast<size_t>(next)];
}

class QualityBench {
 public:
  QualityBench(const QualityBenchOptions& options, Backend& backend, const model::Decoder& decoder,
               const std::function<void(const BenchFigure&)>& report)
      : options_(options), backend_(backend), decoder_(decoder), report_(report) {}

  Status Run() {
    if (Wanted("answers_equal")) {
      PARLEY_TRY_STATUS(Answers("answers_equal", "/smollm2.answers.safetensors"));
    }
    const bool text = Wanted("top1_agreement") || Wanted("perplexity");
    return text && !options_.reference ? Text() : Status{};
  }
  Status RunUpdated() {
    if (!Wanted("answers_equal_updated")) return {};
    return Answers("answers_equal_updated", "/nano.answers.safetensors");
  }

 private:
  bool Wanted(const std::string& name) const { return name.starts_with(options_.only); }

  Status Answers(const std::string& name, const std::string& file) {
    PARLEY_TRY(const auto golden, Checkpoint::Open(options_.goldens + file));
    int32_t equal = 0, count = 0;
    for (; golden->Find("prompt." + std::to_string(count)) != nullptr; ++count) {
      PARLEY_TRY(const auto prompt, Ids(*golden, "prompt." + std::to_string(count)));
      PARLEY_TRY(const auto answer, Ids(*golden, "answer." + std::to_string(count)));
      const size_t same = SameIds(prompt, answer);
      equal += same == answer.size() ? 1 : 0;
      std::fprintf(stderr, "answer %2d: %zu of %zu ids\n", count, same, answer.size());
    }
    PARLEY_TRY_STATUS(backend_.Poll());
    report_({.name = name,
             .threads = options_.threads,
             .value = static_cast<double>(equal),
             .unit = "of " + std::to_string(count),
             .note = "transformers' greedy answers in f32, to the last id"});
    return {};
  }

  // How many ids of the expected answer greedy decoding gives before it parts from it.
  size_t SameIds(const std::vector<TokenId>& prompt, const std::vector<TokenId>& answer) {
    const auto rows = static_cast<int32_t>(prompt.size());
    model::OneSequence sequence(backend_, decoder_, rows + static_cast<int32_t>(answer.size()),
                                options_.reference ? kernels::DType::kF32 : kernels::DType::kBf16,
                                rows);
    TensorView logits = sequence.Append(prompt, {}, /*all_logits=*/false);
    for (size_t i = 0;; ++i) {
      TokenId best = 0;
      float value = 0;
      backend_.TopK(logits, 1, {&best, 1}, {&value, 1});
      if (best != answer[i]) return i;
      if (i + 1 == answer.size()) return answer.size();
      logits = sequence.Append(std::span(answer).subspan(i, 1));
    }
  }

  Status Text() {
    PARLEY_TRY(const auto golden, Checkpoint::Open(options_.goldens + "/smollm2.top1.safetensors"));
    PARLEY_TRY(const auto ids, Ids(*golden, "ids"));
    PARLEY_TRY(const auto top1, Ids(*golden, "top1"));
    const auto window = static_cast<size_t>(golden->Find("ids")->shape[1]);
    model::OneSequence sequence(backend_, decoder_, static_cast<int32_t>(window),
                                kernels::DType::kBf16, kChunk);
    std::vector<TokenId> best(kChunk);
    std::vector<float> value(kChunk);
    size_t agree = 0, predicted = 0;
    double surprise = 0.0;
    for (size_t at = 0; at < ids.size(); at += kChunk) {
      if (at % window == 0) sequence.Rollback(0);
      const TensorView logits = sequence.Append(std::span(ids).subspan(at, kChunk));
      backend_.TopK(logits, 1, best, value);
      for (size_t i = 0; i < kChunk; ++i) {
        agree += best[i] == top1[at + i] ? 1 : 0;
        if ((at + i + 1) % window == 0) continue;  // nothing is known to follow
        surprise +=
            Surprise({logits.F32(static_cast<int32_t>(i)), static_cast<size_t>(logits.cols)},
                     ids[at + i + 1]);
        ++predicted;
      }
    }
    PARLEY_TRY_STATUS(backend_.Poll());
    BenchFigure agreement{.name = "top1_agreement", .threads = options_.threads};
    agreement.value = 100.0 * static_cast<double>(agree) / static_cast<double>(ids.size());
    agreement.unit = "% of " + std::to_string(ids.size());
    if (Wanted(agreement.name)) report_(agreement);
    BenchFigure perplexity{.name = "perplexity", .threads = options_.threads};
    perplexity.value = std::exp(surprise / static_cast<double>(predicted));
    perplexity.unit = "per token";
    perplexity.note = std::to_string(predicted) + " tokens";
    if (!Wanted(perplexity.name)) return {};
    if (!options_.peers.empty()) {
      const EngineBenchOptions peer{
          .model = options_.model, .peers = options_.peers, .peer_script = options_.peer_script};
      PARLEY_TRY(perplexity.peer,
                 Peer(peer).Measure(perplexity.name, std::max(1, options_.threads)));
      perplexity.ratio = perplexity.peer / perplexity.value;
    }
    report_(perplexity);
    return {};
  }

  const QualityBenchOptions& options_;
  Backend& backend_;
  const model::Decoder& decoder_;
  const std::function<void(const BenchFigure&)>& report_;
};

}  // namespace

Status RunQualityBench(const QualityBenchOptions& options,
                       const std::function<void(const BenchFigure&)>& report) {
  const auto backend = options.reference ? kernels::MakeReferenceBackend()
                                         : kernels::MakeCpuBackend({.threads = options.threads});
  const auto storage = options.reference ? kernels::Storage::kF32 : kernels::Storage::kAsIs;
  {
    PARLEY_TRY(const auto checkpoint, Checkpoint::Open(options.model));
    PARLEY_TRY(const auto decoder, model::Decoder::Load(*backend, *checkpoint, storage));
    PARLEY_TRY_STATUS(QualityBench(options, *backend, *decoder, report).Run());
  }
  if (options.updates.empty()) return {};
  PARLEY_TRY(const auto checkpoint,
             weights::OpenUpdated(options.model, options.updates, options.merged));
  PARLEY_TRY(const auto decoder, model::Decoder::Load(*backend, *checkpoint, storage));
  return QualityBench(options, *backend, *decoder, report).RunUpdated();
}

}  // namespace parley::bench

// `parley bench quality`: how near the model as it runs here comes to the model on its dequantised weights in f32, as
// transformers runs that. The text and the prompts are pinned in tests/golden.
//   answers_equal   greedy answers that equal transformers' to the last id
//   top1_agreement  positions of a text whose likeliest next token is transformers'
//   perplexity      of the same text; beside a peer's
// Thread:   one, plus the backend's own.
// Memory:   one model.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/engine_bench.h"
#include "common/result.h"

namespace parley::bench {

struct QualityBenchOptions {
  std::string model;  // the checkpoint that the goldens were made from
  std::vector<std::string>
      updates;  // of the default model over it, whose answers have a golden of their own
  kernels::WeightFormat merged = kernels::WeightFormat::kQ8_0;
  std::string goldens =
      "tests/golden";  // made by make_smollm2_goldens.py and make_answer_goldens.py
  std::string peers;   // made by tests/bench/peers/setup; empty: no peer
  std::string peer_script = "tests/bench/peers/peer.py";
  // Plain loops on dequantised weights in f32: the definition. Only the answers: it takes seconds a word.
  bool reference = false;
  int threads = 0;
  std::string only;  // figures whose name begins so
};

// `report` gets each figure as it is measured.
Status RunQualityBench(const QualityBenchOptions& options,
                       const std::function<void(const BenchFigure&)>& report);

}  // namespace parley::bench

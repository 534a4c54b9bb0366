// `parley bench turn|accuracy|hear|engine|quality|kernels|cost`: every number we publish, by one command each.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "app/app_config.h"
#include "app/bench_accuracy.h"
#include "app/bench_cost.h"
#include "app/bench_hear.h"
#include "app/bench_turn.h"
#include "bench/decoder_bench.h"
#include "bench/engine_bench.h"
#include "bench/kernels_bench.h"
#include "bench/quality_bench.h"
#include "common/result.h"

namespace CLI {
class App;
}

namespace parley::app {

struct BenchOptions {
  enum class What { kTurn, kAccuracy, kHear, kEngine, kQuality, kKernels, kCost };
  What what = What::kTurn;
  BenchTurnOptions turn;
  BenchAccuracyOptions accuracy;
  BenchHearOptions hear;
  bench::EngineBenchOptions engine;
  std::string engine_device = "cpu";
  std::string engine_weights = "bf16";
  bench::DecoderBenchOptions decoder;  // engine, on GPUs
  bench::QualityBenchOptions quality;
  std::string engine_json;
  bool random_weights = false;
  bool engine_updated = false;  // the default model as talks run it, its update merged
  bench::KernelsBenchOptions kernels;
  BenchCostOptions cost;
};

void AddBenchCommands(CLI::App& app, BenchOptions& options);
Status RunBench(const BenchOptions& options, const AppConfig& config);

}  // namespace parley::app

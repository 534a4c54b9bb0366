// `parley bench turn|accuracy|engine|quality|kernels`: every number we publish, by one command each.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "app/app_config.h"
#include "app/bench_accuracy.h"
#include "app/bench_turn.h"
#include "bench/engine_bench.h"
#include "bench/kernels_bench.h"
#include "bench/quality_bench.h"
#include "common/result.h"

namespace CLI {
class App;
}

namespace parley::app {

struct BenchOptions {
  enum class What { kTurn, kAccuracy, kEngine, kQuality, kKernels };
  What what = What::kTurn;
  BenchTurnOptions turn;
  BenchAccuracyOptions accuracy;
  bench::EngineBenchOptions engine;
  bench::QualityBenchOptions quality;
  std::string engine_json;
  bool random_weights = false;
  bench::KernelsBenchOptions kernels;
};

void AddBenchCommands(CLI::App& app, BenchOptions& options);
Status RunBench(const BenchOptions& options, const AppConfig& config);

}  // namespace parley::app

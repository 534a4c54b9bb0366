// `parley bench cost`: what every stage takes on this machine, as the `cost` section of a config file: what the simulated
// clock of `--pace fast` charges when it is passed with --config. configs/cost.yaml is that of two cores of an AMD EPYC
// (Zen 4) with the default model.
// Thread:   blocks.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "app/app_config.h"
#include "common/result.h"

namespace parley::app {

struct BenchCostOptions {
  std::string write;  // a file; empty: print
};

Status RunBenchCost(const BenchCostOptions& options, const AppConfig& config);

}  // namespace parley::app

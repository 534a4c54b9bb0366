// `parley bench turn`: voice to voice and its parts over a set of clips at the speed of speech, with percentiles.
// Thread:   blocks.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "app/app_config.h"
#include "common/result.h"

namespace parley::app {

struct BenchTurnOptions {
  std::vector<std::string> clips;  // sound files or folders of them
  int runs = 1;                    // of every clip
  std::string json;                // one line a turn, and a summary
};

Status RunBenchTurn(const BenchTurnOptions& options, const AppConfig& config);

}  // namespace parley::app

// `parley bench hear`: what a talk hears of many utterances, with the voice detector of the program: words, blocks and
// marks, for the training of models that take notes and for the figures of the marks.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "app/app_config.h"
#include "common/result.h"

namespace parley::app {

struct BenchHearOptions {
  std::string list, json;
  int jobs = 0;
  bool final_only = false;  // no blocks, only the transcript at the end
  bool evidence = false;
};

Status RunBenchHear(const BenchHearOptions& options, const AppConfig& config);

}  // namespace parley::app

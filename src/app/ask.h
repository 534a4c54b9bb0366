// `parley ask INPUT.wav`: a spoken question in, a spoken answer out. The file is fed block by block, at the speed of
// speech or on a simulated clock, as a microphone would; then silence until the answer has ended.
// Thread:   returns when the talk is over.
// Memory:   the file is streamed; hours of silence take no more than seconds do.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "app/app_config.h"
#include "common/result.h"

namespace parley::app {

struct AskOptions {
  std::string input;
  std::string out;
  std::string pace = "realtime";
  std::string json;
  std::string trace;
  std::string model;
};

Status RunAsk(const AskOptions& options, const AppConfig& config);

}  // namespace parley::app

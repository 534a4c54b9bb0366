// `parley bench accuracy`: spoken questions through the whole program, in the sessions that `ask` uses,
// and how many of the answers are right.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "app/app_config.h"
#include "common/result.h"

namespace parley::app {

struct BenchAccuracyOptions {
  std::string manifest;         // made by tests/bench/spoken_questions.py
  std::string pace = "fast";    // or "realtime"
  std::string mode = "listen";  // listen | after | none: when the model thinks
  std::string model;            // empty: the default
  std::string json;             // a line a question
  std::string only;             // families whose name begins so
  int limit = 0;                // questions of each family; 0: all
  bool report = false;          // print what was heard and answered
};

Status RunBenchAccuracy(const BenchAccuracyOptions& options, const AppConfig& config);

}  // namespace parley::app

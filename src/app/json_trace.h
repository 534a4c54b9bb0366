// The `--json` trace of `ask`: one object a line, {"t_ms":…, "event":…, …}, t_ms on the clock of the input sound.
// Names and fields are those of the README's table; scripts rely on them.
// Thread:   one writer.
// Memory:   nothing is kept; every line is flushed, so that a reader sees it while the talk runs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "app/json_lines.h"
#include "app/turn_summary.h"
#include "common/result.h"
#include "engine/engine.h"
#include "realtime/session.h"

namespace parley::app {

class JsonTrace {
 public:
  static Result<JsonTrace> Open(const std::string& path);  // "-": standard output

  void Write(const realtime::Event& event);
  void WriteSummary(const AskSummary& summary, const engine::EngineStats& engine);
  void WriteError(double t_ms, const Error& error);
  Status Finish();  // fails when something did not reach the disk

 private:
  JsonTrace(JsonFile file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  JsonFile file_;
  std::string path_;
};

}  // namespace parley::app

// The `--json` trace of `ask`: one object a line, {"t_ms":…, "event":…, …}, t_ms on the clock of the input sound.
// Names and fields are those of the README's table; scripts rely on them.
// Thread:   one writer.
// Memory:   nothing is kept; every line is flushed, so that a reader sees it while the talk runs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

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

 private:
  explicit JsonTrace(JsonFile file) : file_(std::move(file)) {}
  JsonFile file_;
};

}  // namespace parley::app

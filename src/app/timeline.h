// The terminal view of `ask`: what was heard, thought and said, each line with its time, and the latencies of each turn.
// Plain lines when output is not a terminal.
// Thread:   one writer.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <string>

#include "app/turn_summary.h"
#include "realtime/session.h"

namespace parley::app {

class Timeline {
 public:
  Timeline(std::FILE* out, bool colour) : out_(out), colour_(colour) {}

  void Show(const realtime::Event& event);
  void ShowSummary(const AskSummary& summary);

 private:
  void Line(double t_ms, const char* lane, const char* style, const std::string& text);
  void ClearLive();

  std::FILE* out_;
  bool colour_;
  bool live_ = false;  // a live transcript line stands without newline
  std::string last_heard_;
};

}  // namespace parley::app

// What a run of turns says about speculation, thought and listening, beside its latencies:
//   first clause   ready how long after the turn ended; in how many turns before
//   dropped        tokens of forks that nobody used, against the answers' own
//   transcribed    sound that was transcribed, against the sound that was heard
//   thought        before the end of the turn, behind it, while the answer played
// Thread:   plain value.
// Memory:   a few numbers a turn.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "app/turn_summary.h"
#include "engine/engine.h"

namespace parley::app {

// Nearest rank: of 15 values the 95th percentile is the largest; of none -1.
double Percentile(std::vector<double> values, double p);

class TurnFigures {
 public:
  void Add(const TurnSummary& turn);  // that was answered
  void AddRun(double heard_ms, const engine::EngineStats& before, const engine::EngineStats& after);

  void Print() const;
  std::vector<std::pair<std::string, double>> Named() const;  // the same, and sums

 private:
  double ShareListening() const;
  double ShareDropped() const;
  double ShareAtCommit() const;

  std::vector<double> clause_ms_;  // after the turn's end; 0: before it
  int64_t at_commit_ = 0;
  int64_t answer_tokens_ = 0, dropped_tokens_ = 0, speculations_ = 0, speculations_dropped_ = 0;
  int64_t listening_ = 0, gap_ = 0, speaking_ = 0;
  std::vector<double> late_;  // tokens of thought of a turn, behind the end of it
  double heard_ms_ = 0, transcribed_ms_ = 0;
  int64_t transcriptions_ = 0, superseded_ = 0;
};

}  // namespace parley::app

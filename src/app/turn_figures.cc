// SPDX-License-Identifier: Apache-2.0
#include "app/turn_figures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace parley::app {
namespace {

double Share(int64_t part, int64_t all) {
  return all > 0 ? static_cast<double>(part) / static_cast<double>(all) : 0;
}

// Of the last minute: a figure of a machine on which others work is none.
double Load() {
  std::array<double, 1> load{-1};
  return getloadavg(load.data(), 1) == 1 ? load[0] : -1;
}

}  // namespace

double Percentile(std::vector<double> values, double p) {
  if (values.empty()) return -1;
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<size_t>(std::ceil(p / 100 * static_cast<double>(values.size())));
  return values[std::clamp<size_t>(rank, 1, values.size()) - 1];
}

void TurnFigures::Add(const TurnSummary& turn) {
  const realtime::TurnTrace& trace = turn.trace;
  if (trace.first_clause_ms >= 0 && trace.turn_end_ms >= 0) {
    const double after = trace.first_clause_ms - trace.turn_end_ms;
    at_commit_ += after <= 0 ? 1 : 0;
    clause_ms_.push_back(std::max(after, 0.0));
  }
  answer_tokens_ += trace.answer_tokens;
  dropped_tokens_ += trace.tokens_wasted;
  speculations_ += trace.speculations;
  speculations_dropped_ += trace.speculations_dropped;
  listening_ += trace.thought_tokens_listening - trace.thought_tokens_redone;
  gap_ += trace.thought_tokens_after_turn;
  speaking_ += trace.thought_tokens_speaking;
  late_.push_back(
      static_cast<double>(trace.thought_tokens_after_turn + trace.thought_tokens_speaking));
}

void TurnFigures::AddRun(double heard_ms, const engine::EngineStats& before,
                         const engine::EngineStats& after) {
  heard_ms_ += heard_ms;
  transcribed_ms_ += static_cast<double>(after.transcribed_ms - before.transcribed_ms);
  transcriptions_ += after.transcriptions - before.transcriptions;
  superseded_ += after.transcriptions_superseded - before.transcriptions_superseded;
}

double TurnFigures::ShareListening() const {
  return Share(listening_, listening_ + gap_ + speaking_);
}

double TurnFigures::ShareDropped() const { return Share(dropped_tokens_, answer_tokens_); }

double TurnFigures::ShareAtCommit() const {
  return Share(at_commit_, static_cast<int64_t>(clause_ms_.size()));
}

void TurnFigures::Print() const {
  const auto n = [](int64_t count) { return static_cast<long long>(count); };
  std::printf(
      "first clause  %.0f ms after the end of the turn at p50, %.0f at p95; %.0f %% at it\n",
      Percentile(clause_ms_, 50), Percentile(clause_ms_, 95), 100 * ShareAtCommit());
  std::printf("dropped       %lld tokens beside %lld of answers: %.1f %%; %lld of %lld guesses\n",
              n(dropped_tokens_), n(answer_tokens_), 100 * ShareDropped(), n(speculations_dropped_),
              n(speculations_));
  std::printf(
      "transcribed   %.0f s of sound for %.0f s that were heard; %lld times, %lld superseded\n",
      transcribed_ms_ / 1000, heard_ms_ / 1000, n(transcriptions_), n(superseded_));
  if (listening_ + gap_ + speaking_ > 0) {
    std::printf(
        "thought       %lld tokens, %.1f %% of them before the last word; behind it %.0f at p50, "
        "%.0f at p95\n",
        n(listening_ + gap_ + speaking_), 100 * ShareListening(), Percentile(late_, 50),
        Percentile(late_, 95));
  }
  std::printf("load          %.1f on %u cores\n", Load(), std::thread::hardware_concurrency());
}

std::vector<std::pair<std::string, double>> TurnFigures::Named() const {
  const auto count = [](int64_t n) { return static_cast<double>(n); };
  return {{"first_clause_after_turn_p50_ms", Percentile(clause_ms_, 50)},
          {"first_clause_after_turn_p95_ms", Percentile(clause_ms_, 95)},
          {"first_clause_at_turn_end", ShareAtCommit()},
          {"answer_tokens", count(answer_tokens_)},
          {"dropped_tokens", count(dropped_tokens_)},
          {"dropped_of_answer_tokens", ShareDropped()},
          {"speculations", count(speculations_)},
          {"speculations_dropped", count(speculations_dropped_)},
          {"heard_s", heard_ms_ / 1000},
          {"transcribed_s", transcribed_ms_ / 1000},
          {"transcriptions", count(transcriptions_)},
          {"transcriptions_superseded", count(superseded_)},
          {"thought_tokens_listening", count(listening_)},
          {"thought_tokens_after_turn", count(gap_)},
          {"thought_tokens_speaking", count(speaking_)},
          {"thought_listening_share", ShareListening()},
          {"thought_late_p50", Percentile(late_, 50)},
          {"load", Load()}};
}

}  // namespace parley::app

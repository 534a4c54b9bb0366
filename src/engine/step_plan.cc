// SPDX-License-Identifier: Apache-2.0
#include "engine/step_plan.h"

#include <algorithm>
#include <optional>
#include <tuple>

namespace parley::engine {
namespace {

bool Latency(Urgency urgency) {  // somebody hears silence until it is done
  return urgency == Urgency::kFirstWords || urgency == Urgency::kSpeculation;
}

// Rows that appends of this urgency may have beside the most urgent branch that decodes.
int32_t RowsBeside(std::optional<Urgency> decoding, Urgency append, int32_t room,
                   const StepLimits& limits) {
  if (!decoding || append < *decoding) return room;
  if (Latency(*decoding) && append > *decoding) return std::min(room, limits.background_rows);
  return std::min(room, limits.mixed_rows);
}

}  // namespace

void PlanStep(std::span<StepEntry> entries, const StepLimits& limits) {
  const auto aged = [&limits](const StepEntry& e) { return e.waited >= limits.aged_after; };
  std::sort(entries.begin(), entries.end(), [&aged](const StepEntry& a, const StepEntry& b) {
    return std::make_tuple(!aged(a), a.urgency, a.served, a.id) <
           std::make_tuple(!aged(b), b.urgency, b.served, b.id);
  });

  int32_t room = limits.rows;
  int32_t logit_room = limits.logit_rows;
  const bool appends =
      std::ranges::any_of(entries, [](const StepEntry& e) { return !e.decodes(); });
  std::optional<Urgency> decoding;  // the most urgent branch in this step
  for (StepEntry& entry : entries) {
    if (!entry.decodes() || logit_room == 0 || room == (appends ? 1 : 0)) continue;
    entry.rows = 1;
    entry.logits = true;
    --room;
    --logit_room;
    decoding = std::min(decoding.value_or(entry.urgency), entry.urgency);
  }

  int32_t appended = 0;
  std::optional<Urgency> appending;  // the most urgent append in this step
  for (StepEntry& entry : entries) {
    if (entry.decodes()) continue;
    int32_t beside = RowsBeside(decoding, entry.urgency, limits.rows, limits) - appended;
    if (appending && *appending < entry.urgency) beside = 0;
    if (aged(entry)) beside = std::max(beside, limits.background_rows);
    entry.rows = std::clamp(std::min(entry.wanted, beside), 0, room);
    entry.logits = entry.samples && entry.rows == entry.wanted && entry.rows > 0;
    if (entry.logits && logit_room == 0) {
      entry.logits = false;
      --entry.rows;
    }
    if (entry.rows == 0) continue;
    logit_room -= entry.logits ? 1 : 0;
    room -= entry.rows;
    appended += entry.rows;
    appending = std::min(appending.value_or(entry.urgency), entry.urgency);
  }
}

}  // namespace parley::engine

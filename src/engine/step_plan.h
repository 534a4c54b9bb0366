// Which rows the next step runs: one for every branch that decodes, and rows of waiting appends as long as they do not
// hold up a branch at least as urgent. A pure function of who waits.
// Thread:   plain function.
// Memory:   sorts in place; allocates nothing.
// Overload: whoever gets no row is served first once it has waited `aged_after` steps: nothing starves.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "engine/engine.h"

namespace parley::engine {

struct SequenceState;

struct StepLimits {
  int32_t rows = 64;            // of a step
  int32_t logit_rows = 16;      // branches whose next token is sampled in one step
  int32_t mixed_rows = 16;      // appended rows beside a branch that is at least as urgent
  int32_t background_rows = 4;  // beside first words or a speculation that is more urgent
  int64_t aged_after = 32;      // steps
};

// One sequence that waits for rows.
struct StepEntry {
  SequenceState* sequence = nullptr;
  Urgency urgency = Urgency::kHousekeeping;
  int32_t wanted = 0;    // rows
  bool samples = false;  // after its last wanted row a token is sampled
  int64_t waited = 0;    // steps without a row
  int64_t served = 0;    // the step that last served it
  int64_t id = 0;        // breaks ties

  int32_t rows = 0;        // granted
  bool logits = false;     // granted: the last of them is sampled
  int32_t logit_row = -1;  // where its logits stand
  bool decodes() const { return samples && wanted == 1; }
};

// Orders the entries and grants rows. Entries without a row keep rows = 0.
void PlanStep(std::span<StepEntry> entries, const StepLimits& limits);

}  // namespace parley::engine

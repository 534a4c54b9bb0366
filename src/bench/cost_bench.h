// What each kind of the engine's steps costs on this machine: the table that a simulated clock charges (`--pace fast`).
// Each cost is worked out from medians of steps of one kind: one branch and four, 64 appended rows, contexts of two
// lengths, slices of two lengths of sound. So these kinds are charged exactly what they took, and others what lies between.
// Thread:   one, plus the backend's own.
// Memory:   one model.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/engine_bench.h"
#include "common/result.h"
#include "engine/cost_table.h"

namespace parley::bench {

// Of `options`: model, updates, transcriber, and the first of the thread counts.
Result<engine::CostTable> MeasureCosts(const EngineBenchOptions& options);

}  // namespace parley::bench

// The default models on the cpu backend, without the engine: decode, prefill, four branches in one step, with a core
// taken away, the Whisper encoder and its decoder. The figures that the peers (tests/bench/peers) are compared with.
// Thread:   one thread drives; the backend's pool helps.
// Memory:   loads each model once.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "common/result.h"
#include "kernels/backend.h"

namespace parley::bench {

struct ModelBenchOptions {
  std::string models;  // the model directory; default ~/.cache/parley/models
  std::vector<int> threads = {1, 2};
  kernels::CpuIsa isa = kernels::CpuIsa::kBest;
  bool huge_pages = true;
  bool json = false;
  bool decoder = true;
  bool whisper = true;
};

Status RunModelBench(const ModelBenchOptions& options, std::ostream& out);

}  // namespace parley::bench

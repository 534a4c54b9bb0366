// Every product, attention and row operation of the cpu backend at the shapes of the default models: verified against
// the reference first, then timed, and set against what the machine can do (read bandwidth, byte dot products).
// Thread:   one thread drives; the backend's pool helps.
// Memory:   products of few rows cycle through copies of the weight larger than the caches, as a decode step does.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>

#include "common/result.h"

namespace parley::bench {

struct KernelsBenchOptions {
  int threads = 0;  // 0: as many as there are cores
  bool json = false;
  std::string filter;  // only cases whose name contains it
};

// An error when a result is outside its tolerance: no check, no number.
Status RunKernelsBench(const KernelsBenchOptions& options, std::ostream& out);

}  // namespace parley::bench

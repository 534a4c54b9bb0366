// A decoder of random weights in its true size on a GPU: decode steps of several batch sizes over a filled cache, prefills
// of several lengths, and both in one step; each beside its floor, the bytes that a step must read over what the machine
// reads at most (measured in the same run).
// Thread:   one.
// Memory:   the model on the GPU; a few megabytes on the host.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "common/result.h"
#include "kernels/backend.h"

namespace parley::bench {

struct DecoderBenchOptions {
  std::vector<int> devices = {0};  // several: a rank of one tensor-parallel model on each
  std::string geometry = "step-audio-r1";
  int64_t layers = 0;                                  // 0: all
  kernels::Storage storage = kernels::Storage::kAsIs;  // kAsIs is bf16; kFp8Row
  int32_t context = 1024;
  std::vector<int32_t> batches = {1, 8, 32};
  std::vector<int32_t> prefills = {50, 128, 512, 2048};
  bool graphs = true;
  bool json = false;
};

Status RunDecoderBench(const DecoderBenchOptions& options, std::ostream& out);

}  // namespace parley::bench

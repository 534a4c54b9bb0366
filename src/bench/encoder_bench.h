// Audio encoder and adaptor of random weights in their true size on a GPU: one or several sounds in one batch, from
// features to embeddings and from sound to embeddings.
// Thread:   one.
// Memory:   the weights and one state on the GPU; a few megabytes on the host.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "common/result.h"

namespace parley::bench {

struct EncoderBenchOptions {
  int device = 0;
  std::string geometry = "step-audio-r1";
  int64_t layers = 0;                    // 0: all
  std::vector<int32_t> sounds = {1, 4};  // in one batch
  double seconds = 25.0;                 // each
  bool parts = false;                    // also every product and the attention alone
  bool json = false;
};

Status RunEncoderBench(const EncoderBenchOptions& options, std::ostream& out);

}  // namespace parley::bench

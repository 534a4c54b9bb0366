// `parley bench engine`: the engine's figures, each measured on the core that talks run on, stepped by hand. Every case
// first checks that what it is about to time is right; where a peer can do the same, runs alternate and the ratio is
// the median of the pairs.
// Thread:   one, plus the backend's own.
// Memory:   one model a thread count at a time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/result.h"
#include "kernels/backend.h"

namespace parley::bench {

struct EngineBenchOptions {
  std::string model;                 // a checkpoint of a decoder; empty: random weights
  std::vector<std::string> updates;  // over it (weights/low_rank_update.h)
  kernels::WeightFormat merged = kernels::WeightFormat::kQ8_0;
  std::string geometry = "smollm2-135m";  // of the random weights
  std::string transcriber;                // a directory; empty: no transcription
  std::vector<float> sound;               // 16 kHz, to transcribe; empty: noise
  std::string peers;                      // made by tests/bench/peers/setup; empty: no peers
  std::string peer_script = "tests/bench/peers/peer.py";
  std::string sound_file;  // the same sound as a WAV, for the peer
  std::vector<int> threads = {1, 2};
  int rounds = 5;
  std::string only;  // cases whose name begins so
};

struct BenchFigure {
  std::string name;
  int threads = 0;
  double value = 0;
  std::string unit;
  double peer = -1;   // the peer's own figure, median; -1: not compared
  double ratio = -1;  // ours by theirs (for times: theirs by ours), median of the pairs
  std::string note;
};

// `report` gets each figure as it is measured.
Status RunEngineBench(const EngineBenchOptions& options,
                      const std::function<void(const BenchFigure&)>& report);

std::string TableRow(const BenchFigure& figure);
std::string JsonRow(const BenchFigure& figure);

}  // namespace parley::bench

// A program that parley is measured against, run once per measurement by the environment that tests/bench/peers/setup
// made: llama.cpp for the decoder, CTranslate2 for Whisper.
// Thread:   one; each measurement is a process that has ended when Measure returns.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "bench/engine_bench.h"

namespace parley::bench {

class Peer {
 public:
  explicit Peer(const EngineBenchOptions& options) : options_(options) {}
  // The figure of a case of engine_bench.cc, in its unit.
  Result<double> Measure(const std::string& name, int threads) const;

 private:
  const EngineBenchOptions& options_;
};

}  // namespace parley::bench

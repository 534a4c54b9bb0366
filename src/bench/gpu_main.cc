// The decoder's and the audio encoder's benches on a GPU as a program of their own, for machines that have CUDA and none of the other libraries:
//   parley_bench_gpu [--geometry NAME] [--layers N] [--storage bf16|fp8] [--devices 0,1] [--batches 1,8,32]
//                    [--prefills 50,128,512,2048] [--context N] [--no-graphs] [--json]
//   parley_bench_gpu --ears [--geometry NAME] [--layers N] [--devices 0] [--sounds 1,4] [--seconds 25] [--parts] [--json]
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "bench/decoder_bench.h"
#include "bench/encoder_bench.h"

namespace {

std::vector<int32_t> Numbers(const std::string& text) {
  std::vector<int32_t> all;
  std::stringstream in(text);
  for (std::string one; std::getline(in, one, ',');) all.push_back(std::atoi(one.c_str()));
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  parley::bench::DecoderBenchOptions options;
  parley::bench::EncoderBenchOptions ears;
  bool hears = false;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--json") {
      options.json = true;
      continue;
    }
    if (name == "--ears" || name == "--parts") {
      hears = true;
      ears.parts = ears.parts || name == "--parts";
      continue;
    }
    if (name == "--no-graphs") {
      options.graphs = false;
      continue;
    }
    const std::string value = i + 1 < argc ? argv[++i] : "";
    if (name == "--geometry") {
      options.geometry = value;
    } else if (name == "--layers") {
      options.layers = std::atoi(value.c_str());
    } else if (name == "--devices" && !Numbers(value).empty()) {
      options.devices = Numbers(value);
    } else if (name == "--context") {
      options.context = std::atoi(value.c_str());
    } else if (name == "--batches" && !Numbers(value).empty()) {
      options.batches = Numbers(value);
    } else if (name == "--sounds" && !Numbers(value).empty()) {
      ears.sounds = Numbers(value);
    } else if (name == "--seconds") {
      ears.seconds = std::atof(value.c_str());
    } else if (name == "--prefills" && !Numbers(value).empty()) {
      options.prefills = Numbers(value);
    } else if (name == "--storage" && (value == "bf16" || value == "fp8")) {
      options.storage =
          value == "fp8" ? parley::kernels::Storage::kFp8Row : parley::kernels::Storage::kAsIs;
    } else {
      std::cerr << "parley_bench_gpu: what is \"" << name << " " << value << "\"?\n";
      return 2;
    }
  }
  ears.device = options.devices.front();
  ears.geometry = options.geometry;
  ears.layers = options.layers;
  ears.json = options.json;
  const parley::Status done = hears ? parley::bench::RunEncoderBench(ears, std::cout)
                                    : parley::bench::RunDecoderBench(options, std::cout);
  if (done) return 0;
  std::cerr << done.error().message << "\n";
  return 1;
}

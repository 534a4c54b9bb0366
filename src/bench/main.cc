// parley_bench: the benches that need no sound card, no synthesiser and no network, for machines that have only a
// compiler. `parley bench` calls the same functions.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>

#include "bench/engine_bench.h"
#include "bench/kernels_bench.h"
#include "bench/model_bench.h"
#include "bench/quality_bench.h"

namespace {

constexpr const char* kUsage =
    "usage: parley_bench kernels [--threads N] [--json] [--filter TEXT]\n"
    "       parley_bench model   [--threads N] [--json] [--models DIR] [--only decoder|whisper]\n"
    "                            [--isa portable|avx2|avxvnni|avx512] [--small-pages]\n"
    "       parley_bench engine  [--threads N] [--json] [--models DIR] [--only CASE] [--rounds N]\n"
    "                            [--random-weights --geometry NAME] [--peers DIR [--peer-script "
    "FILE]]\n"
    "       parley_bench quality [--threads N] [--json] [--models DIR] [--only FIGURE] "
    "[--reference]\n"
    "                            [--peers DIR [--peer-script FILE]] [--goldens DIR]\n";

struct Arguments {
  std::string command;
  std::string filter;
  std::string models;
  std::string only;
  std::string isa;
  bool small_pages = false;
  std::string geometry = "smollm2-135m";
  std::string peers;
  std::string peer_script;
  std::string goldens = "tests/golden";
  int threads = 0;
  int rounds = 5;
  bool json = false;
  bool random_weights = false;
  bool reference = false;
  bool good = true;
};

Arguments Parse(int argc, char** argv) {
  Arguments a;
  const char* home = std::getenv("HOME");
  const char* models = std::getenv("PARLEY_MODELS");
  a.models = models != nullptr ? models
                               : std::string(home != nullptr ? home : "") + "/.cache/parley/models";
  if (argc > 1) a.command = argv[1];
  for (int i = 2; i < argc; ++i) {
    const std::string key = argv[i];
    const std::pair<const char*, bool*> flags[] = {{"--json", &a.json},
                                                   {"--small-pages", &a.small_pages},
                                                   {"--random-weights", &a.random_weights},
                                                   {"--reference", &a.reference}};
    const auto* flag = std::find_if(std::begin(flags), std::end(flags),
                                    [&](const auto& f) { return key == f.first; });
    if (flag != std::end(flags)) {
      *flag->second = true;
      continue;
    }
    if (++i == argc) return a.good = false, a;
    const std::string value = argv[i];
    if (key == "--filter")
      a.filter = value;
    else if (key == "--models")
      a.models = value;
    else if (key == "--isa")
      a.isa = value;
    else if (key == "--only")
      a.only = value;
    else if (key == "--geometry")
      a.geometry = value;
    else if (key == "--peers")
      a.peers = value;
    else if (key == "--peer-script")
      a.peer_script = value;
    else if (key == "--goldens")
      a.goldens = value;
    else if (key == "--rounds")
      a.rounds = std::atoi(value.c_str());
    else if (key == "--threads")
      a.threads = std::atoi(value.c_str());
    else
      a.good = false;
  }
  return a;
}

// False for a name that is none.
bool ParseIsa(const std::string& name, parley::kernels::CpuIsa& isa) {
  using parley::kernels::CpuIsa;
  const std::pair<const char*, CpuIsa> names[] = {{"", CpuIsa::kBest},
                                                  {"portable", CpuIsa::kPortable},
                                                  {"avx2", CpuIsa::kAvx2},
                                                  {"avxvnni", CpuIsa::kAvxVnni},
                                                  {"avx512", CpuIsa::kAvx512}};
  for (const auto& [known, value] : names) {
    if (name == known) return isa = value, true;
  }
  return false;
}

parley::Status RunEngine(const Arguments& a) {
  parley::bench::EngineBenchOptions options;
  if (!a.random_weights) {
    options.model = a.models + "/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf";
    options.transcriber = a.models + "/whisper-base";
  }
  options.geometry = a.geometry;
  options.peers = a.peers;
  if (!a.peer_script.empty()) options.peer_script = a.peer_script;
  options.rounds = a.rounds;
  options.only = a.only;
  if (a.threads > 0) options.threads = {a.threads};
  return RunEngineBench(options, [&a](const parley::bench::BenchFigure& figure) {
    std::cout << (a.json ? JsonRow(figure) : TableRow(figure)) << std::endl;
  });
}

parley::Status RunQuality(const Arguments& a) {
  parley::bench::QualityBenchOptions options;
  options.model = a.models + "/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf";
  options.goldens = a.goldens;
  options.peers = a.peers;
  if (!a.peer_script.empty()) options.peer_script = a.peer_script;
  options.reference = a.reference;
  options.threads = a.threads;
  options.only = a.only;
  return RunQualityBench(options, [&a](const parley::bench::BenchFigure& figure) {
    std::cout << (a.json ? JsonRow(figure) : TableRow(figure)) << std::endl;
  });
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments a = Parse(argc, argv);
  parley::kernels::CpuIsa isa = parley::kernels::CpuIsa::kBest;
  const bool known = a.command == "kernels" || a.command == "model" || a.command == "engine" ||
                     a.command == "quality";
  if (!a.good || !known || !ParseIsa(a.isa, isa)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  if (!parley::kernels::CpuHas(isa)) {
    std::fprintf(stderr, "parley_bench: this machine has no %s\n", a.isa.c_str());
    return 1;
  }
  parley::Status done;
  if (a.command == "kernels") {
    done = parley::bench::RunKernelsBench(
        {.threads = a.threads, .json = a.json, .filter = a.filter}, std::cout);
  } else if (a.command == "engine") {
    done = RunEngine(a);
  } else if (a.command == "quality") {
    done = RunQuality(a);
  } else {
    parley::bench::ModelBenchOptions options{.models = a.models,
                                             .isa = isa,
                                             .huge_pages = !a.small_pages,
                                             .json = a.json,
                                             .decoder = a.only != "whisper",
                                             .whisper = a.only != "decoder"};
    if (a.threads > 0) options.threads = {a.threads};
    done = parley::bench::RunModelBench(options, std::cout);
  }
  if (done.has_value()) return 0;
  std::fprintf(stderr, "parley_bench: %s\n", done.error().message.c_str());
  return 1;
}

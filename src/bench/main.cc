// parley_bench: the benches that need no sound card, no synthesiser and no network, for machines that have only a
// compiler. `parley bench` calls the same functions.
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>

#include "bench/kernels_bench.h"
#include "bench/model_bench.h"

namespace {

constexpr const char* kUsage =
    "usage: parley_bench kernels|model [--threads N] [--json] [--filter TEXT] [--models DIR] "
    "[--only decoder|whisper]\n";

struct Arguments {
  std::string command;
  std::string filter;
  std::string models;
  std::string only;
  int threads = 0;
  bool json = false;
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
    if (key == "--json") {
      a.json = true;
      continue;
    }
    if (++i == argc) return a.good = false, a;
    const std::string value = argv[i];
    if (key == "--filter")
      a.filter = value;
    else if (key == "--models")
      a.models = value;
    else if (key == "--only")
      a.only = value;
    else if (key == "--threads")
      a.threads = std::atoi(value.c_str());
    else
      a.good = false;
  }
  return a;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace parley::bench;
  const Arguments a = Parse(argc, argv);
  if (!a.good || (a.command != "kernels" && a.command != "model")) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  parley::Status done;
  if (a.command == "kernels") {
    done = RunKernelsBench({.threads = a.threads, .json = a.json, .filter = a.filter}, std::cout);
  } else {
    ModelBenchOptions options{.models = a.models,
                              .json = a.json,
                              .decoder = a.only != "whisper",
                              .whisper = a.only != "decoder"};
    if (a.threads > 0) options.threads = {a.threads};
    done = RunModelBench(options, std::cout);
  }
  if (done.has_value()) return 0;
  std::fprintf(stderr, "parley_bench: %s\n", done.error().message.c_str());
  return 1;
}

// parley_bench: the benches that need no sound card, no synthesiser and no network, for machines that have only a
// compiler. `parley bench` calls the same functions.
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <utility>

#include "bench/kernels_bench.h"
#include "bench/model_bench.h"

namespace {

constexpr const char* kUsage =
    "usage: parley_bench kernels [--threads N] [--json] [--filter TEXT]\n"
    "       parley_bench model   [--threads N] [--json] [--models DIR] [--only decoder|whisper]\n"
    "                            [--isa portable|avx2|avxvnni|avx512] [--small-pages]\n";

struct Arguments {
  std::string command;
  std::string filter;
  std::string models;
  std::string only;
  std::string isa;
  bool small_pages = false;
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
    if (key == "--json" || key == "--small-pages") {
      (key == "--json" ? a.json : a.small_pages) = true;
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

}  // namespace

int main(int argc, char** argv) {
  using namespace parley::bench;
  const Arguments a = Parse(argc, argv);
  parley::kernels::CpuIsa isa = parley::kernels::CpuIsa::kBest;
  if (!a.good || !ParseIsa(a.isa, isa) || (a.command != "kernels" && a.command != "model")) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  if (!parley::kernels::CpuHas(isa)) {
    std::fprintf(stderr, "parley_bench: this machine has no %s\n", a.isa.c_str());
    return 1;
  }
  parley::Status done;
  if (a.command == "kernels") {
    done = RunKernelsBench({.threads = a.threads, .json = a.json, .filter = a.filter}, std::cout);
  } else {
    ModelBenchOptions options{.models = a.models,
                              .isa = isa,
                              .huge_pages = !a.small_pages,
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

// parley_hear: what parley hears of many utterances, on as many cores as there are, for the training
// of models that take notes. Each job is a process of its own with one thread; they take the next
// file from one counter.
// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/energy_voice.h"
#include "bench/hear.h"
#include "bench/hear_files.h"
#include "kernels/backend.h"
#include "realtime/listen/block_words.h"

namespace {

using namespace parley;         // NOLINT: a program, not a header
using namespace parley::bench;  // NOLINT

constexpr const char* kUsage =
    "usage: parley_hear LIST.jsonl --json OUT.jsonl [--transcriber DIR] [--jobs N]\n"
    "                   [--block-words N] [--note-ms N] [--final-only | --marks-only] "
    "[--evidence]\n"
    "       parley_hear --words < TEXT      each line as words of a block\n"
    "LIST has lines like {\"id\": \"q1\", \"wav\": \"q1.wav\", \"before\": [{\"wav\": "
    "\"q0.wav\"}]}.\n"
    "Voice is told by loudness here, for sound without noise behind it; `parley bench hear` asks "
    "the\n"
    "voice detector. --final-only: no blocks, a fifth of the time. --marks-only: nothing is "
    "transcribed,\n"
    "the marks are those of the \"text\" that the line gives. --evidence: what marks were told "
    "from.\n";

struct Arguments {
  std::string list, json, transcriber;
  int jobs = 0;
  HearOptions options;
  bool words = false, evidence = false, marks_only = false, good = true;
};

Arguments Parse(int argc, char** argv) {
  Arguments a;
  const char* models = std::getenv("PARLEY_MODELS");
  const char* home = std::getenv("HOME");
  a.transcriber =
      (models != nullptr ? std::string(models)
                         : std::string(home != nullptr ? home : "") + "/.cache/parley/models") +
      "/whisper-base";
  for (int i = 1; i < argc && a.good; ++i) {
    const std::string key = argv[i];
    if (key == "--words") {
      a.words = true;
    } else if (key == "--evidence") {
      a.evidence = true;
    } else if (key == "--marks-only") {
      a.marks_only = true;
    } else if (key == "--final-only") {
      a.options.partials = false;
    } else if (key.starts_with("--")) {
      if (++i == argc) return a.good = false, a;
      const std::string value = argv[i];
      if (key == "--json") {
        a.json = value;
      } else if (key == "--transcriber") {
        a.transcriber = value;
      } else if (key == "--jobs") {
        a.jobs = std::atoi(value.c_str());
      } else if (key == "--block-words") {
        a.options.block_words = std::max(1, std::atoi(value.c_str()));
      } else if (key == "--note-ms") {
        a.options.note_ms = std::max(0, std::atoi(value.c_str()));
      } else {
        a.good = false;
      }
    } else if (a.list.empty()) {
      a.list = key;
    } else {
      a.good = false;
    }
  }
  a.good = a.good && (a.words || (!a.list.empty() && !a.json.empty()));
  return a;
}

int NormaliseLines() {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::string joined;
    for (const std::string& word : realtime::NormalisedWords(line)) {
      joined += (joined.empty() ? "" : " ") + word;
    }
    std::printf("%s\n", joined.c_str());
  }
  return 0;
}

int Complain(const std::string& what) {
  std::fprintf(stderr, "parley_hear: %s\n", what.c_str());
  return 1;
}

std::string PartOf(const Arguments& a, int job) { return a.json + ".part" + std::to_string(job); }

// One job: lines "INDEX<tab>JSON" in a file of its own.
int RunJob(const Arguments& a, const std::vector<HearItem>& items, std::atomic<size_t>& next,
           int job) {
  std::ofstream out(PartOf(a, job));
  const auto each = [&](const auto& line_of) {
    for (size_t i; (i = next++) < items.size();) out << i << '\t' << line_of(items[i]) << '\n';
  };
  if (a.marks_only) {
    each(MarkFile);
  } else {
    const auto backend = kernels::MakeCpuBackend({.threads = 1, .huge_pages = false});
    const auto transcriber = model::Transcriber::Load(*backend, a.transcriber);
    if (!transcriber) return Complain(transcriber.error().message);
    auto hearer = Hearer::Make(*backend, **transcriber, std::make_unique<EnergyVoice>(), a.options);
    if (!hearer) return Complain(hearer.error().message);
    each([&](const HearItem& item) { return HearFile(**hearer, item, a.evidence); });
  }
  out.close();
  return out ? 0 : Complain("cannot write " + PartOf(a, job));
}

int Merge(const Arguments& a, size_t items) {
  std::vector<std::string> lines(items);
  for (int job = 0; job < a.jobs; ++job) {
    std::ifstream part(PartOf(a, job));
    std::string line;
    while (std::getline(part, line)) {
      const size_t tab = line.find('\t');
      const auto index = static_cast<size_t>(std::atoll(line.c_str()));
      if (tab != std::string::npos && index < items) lines[index] = line.substr(tab + 1);
    }
    std::remove(PartOf(a, job).c_str());
  }
  std::ofstream out(a.json);
  size_t missing = 0;
  for (const std::string& line : lines) {
    if (line.empty()) {
      ++missing;
    } else {
      out << line << '\n';
    }
  }
  out.close();
  if (!out) return Complain("cannot write " + a.json);
  if (missing > 0) return Complain(std::to_string(missing) + " files were not heard: a job died");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a = Parse(argc, argv);
  if (!a.good) return std::fputs(kUsage, stderr), 2;
  if (a.words) return NormaliseLines();
  const auto items = ReadHearList(a.list);
  if (!items) return Complain(items.error().message);
  if (a.jobs <= 0) a.jobs = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  a.jobs = static_cast<int>(std::min<size_t>(static_cast<size_t>(a.jobs), items->size()));

  void* shared = mmap(nullptr, sizeof(std::atomic<size_t>), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return Complain("no memory for a counter");
  auto& next = *new (shared) std::atomic<size_t>(0);
  for (int job = 0; job < a.jobs; ++job) {
    const pid_t child = fork();
    if (child < 0) return Complain("cannot start another process");
    if (child == 0) return RunJob(a, *items, next, job);
  }
  bool failed = false;
  for (int status = 0; wait(&status) > 0;) failed = failed || status != 0;
  const int merged = Merge(a, items->size());
  return failed ? 1 : merged;
}

// parley_hear: what parley hears of many utterances, on as many cores as there are, for the training
// of models that take notes; for machines that have none of the program's libraries.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "bench/energy_voice.h"
#include "bench/hear_jobs.h"
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

struct Arguments : HearJobs {
  bool words = false, good = true;
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

}  // namespace

int main(int argc, char** argv) {
  Arguments a = Parse(argc, argv);
  if (!a.good) return std::fputs(kUsage, stderr), 2;
  if (a.words) return NormaliseLines();
  a.voice = []() -> Result<std::unique_ptr<nn::VoiceActivity>> {
    return std::unique_ptr<nn::VoiceActivity>(std::make_unique<EnergyVoice>());
  };
  const Status ran = RunHearJobs(a);
  if (!ran) std::fprintf(stderr, "parley_hear: %s\n", ran.error().message.c_str());
  return ran ? 0 : 1;
}

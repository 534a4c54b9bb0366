// How well and how fast the transcriber hears: word error rate and times over folders of clips with a manifest.json.
//   parley_transcribe [--pad MS] [--stride N] [--storage f32|bf16|i8] [--threads N] [--model DIR] [--json] DIR...
// --partials also hears the first 40, 60, 80 % of each clip before the whole, as a conversation does.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "audio_io/sound_file.h"
#include "model/transcriber.h"
#include "support/words.h"

namespace parley {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  model::TranscribeOptions transcribe;
  kernels::Storage storage = kernels::Storage::kI8Row;
  int threads = 2;
  bool partials = false;
  bool quiet = false;
  std::string model;
  std::vector<std::string> folders;
};

struct Timed {
  model::Transcript transcript;
  double ms = 0;
  double longest_slice_ms = 0;
};

double MsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double Percentile(std::vector<double> values, double p) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(p * static_cast<double>(values.size() - 1))];
}

Options Parse(int argc, char** argv) {
  Options o;
  const char* home = std::getenv("HOME");
  o.model = std::string(home != nullptr ? home : "") + "/.cache/parley/models/whisper-base";
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const auto value = [&] { return std::string(++i < argc ? argv[i] : ""); };
    if (arg == "--pad") {
      o.transcribe.pad_ms = std::stoi(value());
    } else if (arg == "--stride") {
      o.transcribe.pad_stride = std::stoi(value());
    } else if (arg == "--threads") {
      o.threads = std::stoi(value());
    } else if (arg == "--model") {
      o.model = value();
    } else if (arg == "--partials") {
      o.partials = true;
    } else if (arg == "--quiet") {
      o.quiet = true;
    } else if (arg == "--storage") {
      const std::string name = value();
      o.storage = name == "f32"    ? kernels::Storage::kF32
                  : name == "bf16" ? kernels::Storage::kBf16
                                   : kernels::Storage::kI8Row;
    } else {
      o.folders.push_back(arg);
    }
  }
  return o;
}

Timed Hear(model::TranscriptionJob& job, PcmView sound, const model::TranscribeOptions& options) {
  Timed timed;
  const auto start = Clock::now();
  if (const Status s = job.Reset(sound, options); !s.has_value()) {
    std::fprintf(stderr, "%s\n", s.error().message.c_str());
    std::exit(1);
  }
  for (bool done = false; !done;) {
    const auto slice = Clock::now();
    done = *job.Advance();
    timed.longest_slice_ms = std::max(timed.longest_slice_ms, MsSince(slice));
  }
  timed.ms = MsSince(start);
  timed.transcript = job.result();
  return timed;
}

void MeasureFolder(const std::string& folder, const model::Transcriber& transcriber,
                   const Options& options) {
  std::ifstream file(folder + "/manifest.json");
  const auto manifest = nlohmann::json::parse(file, nullptr, false);
  if (manifest.is_discarded()) {
    std::fprintf(stderr, "%s: no manifest.json\n", folder.c_str());
    std::exit(1);
  }
  const auto job = transcriber.NewJob();
  int errors = 0, loops = 0;
  size_t words = 0;
  std::vector<double> ms, slices, partial_ms;
  for (const auto& clip : manifest) {
    if (!clip["text"].is_string()) continue;
    const auto sound = audio::ReadSound(folder + "/" + clip["file"].get<std::string>());
    if (!sound.has_value()) {
      std::fprintf(stderr, "%s\n", sound.error().message.c_str());
      std::exit(1);
    }
    const PcmView whole(*sound);
    if (options.partials) {
      for (const size_t share : {4U, 6U, 8U}) {
        partial_ms.push_back(
            Hear(*job, whole.first(whole.size() * share / 10), options.transcribe).ms);
      }
    }
    const Timed timed = Hear(*job, whole, options.transcribe);
    const auto expected = test::Words(clip["text"].get<std::string>());
    const int wrong = test::WordErrors(expected, test::Words(timed.transcript.text));
    errors += wrong;
    words += expected.size();
    loops += timed.transcript.loop_cut ? 1 : 0;
    ms.push_back(timed.ms);
    slices.push_back(timed.longest_slice_ms);
    if (!options.quiet) {
      std::printf("  %d %5.1f s %6.1f ms  no_speech %.3f  %s\n", wrong,
                  static_cast<double>(whole.size()) / kSampleRateHz, timed.ms,
                  static_cast<double>(timed.transcript.no_speech), timed.transcript.text.c_str());
    }
  }
  std::printf(
      "%s: WER %.1f %% (%d of %zu), loops %d, ms p50 %.1f p90 %.1f, longest slice p50 %.1f "
      "max %.1f",
      folder.c_str(), 100.0 * errors / static_cast<double>(words), errors, words, loops,
      Percentile(ms, 0.5), Percentile(ms, 0.9), Percentile(slices, 0.5), Percentile(slices, 1.0));
  if (!partial_ms.empty()) std::printf(", partials p50 %.1f", Percentile(partial_ms, 0.5));
  std::printf("\n");
}

int Main(int argc, char** argv) {
  const Options options = Parse(argc, argv);
  const auto backend = kernels::MakeCpuBackend({.threads = options.threads});
  const auto start = Clock::now();
  const auto transcriber = model::Transcriber::Load(*backend, options.model, options.storage);
  if (!transcriber.has_value()) {
    std::fprintf(stderr, "%s\n", transcriber.error().message.c_str());
    return 1;
  }
  std::printf("%s, %d threads, load %.0f ms, weights %.1f MB\n",
              std::string(backend->name()).c_str(), options.threads, MsSince(start),
              static_cast<double>((*transcriber)->weight_bytes()) / 1e6);
  for (const std::string& folder : options.folders) MeasureFolder(folder, **transcriber, options);
  return 0;
}

}  // namespace
}  // namespace parley

int main(int argc, char** argv) { return parley::Main(argc, argv); }

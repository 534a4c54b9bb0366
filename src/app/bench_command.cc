// SPDX-License-Identifier: Apache-2.0
#include "app/bench_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <utility>
#include <vector>

#include "app/json_lines.h"
#include "app/locate.h"

namespace parley::app {

void AddBenchCommands(CLI::App& app, BenchOptions& options) {
  app.require_subcommand(1);
  using What = BenchOptions::What;
  CLI::App* turn = app.add_subcommand("turn", "voice to voice over clips, at the speed of speech");
  turn->callback([&options] { options.what = What::kTurn; });
  turn->add_option("CLIPS", options.turn.clips, "sound files, or folders of them")->required();
  turn->add_option("--runs", options.turn.runs, "of every clip")->check(CLI::PositiveNumber);
  turn->add_option("--json", options.turn.json, "write one line of JSON a turn");
  CLI::App* accuracy = app.add_subcommand(
      "accuracy", "spoken questions through the whole program: how many answers are right");
  accuracy->callback([&options] { options.what = What::kAccuracy; });
  accuracy->add_option("MANIFEST", options.accuracy.manifest, "of tests/bench/spoken_questions.py")
      ->required();
  accuracy->add_option("--pace", options.accuracy.pace, "a simulated clock, or the wall's")
      ->check(CLI::IsMember({"fast", "realtime"}));
  accuracy->add_option("--mode", options.accuracy.mode, "think while listening, after, or not")
      ->check(CLI::IsMember({"listen", "after", "none"}));
  accuracy->add_option("--model", options.accuracy.model, "a name, a file or a folder");
  accuracy->add_option("--only", options.accuracy.only, "families whose name begins so");
  accuracy->add_option("--limit", options.accuracy.limit, "questions of each family");
  accuracy->add_option("--json", options.accuracy.json, "write one line of JSON a question");
  accuracy->add_flag("--report", options.accuracy.report, "print what was heard and answered");
  CLI::App* hear =
      app.add_subcommand("hear", "what a talk hears of many utterances: words, blocks and marks");
  hear->callback([&options] { options.what = What::kHear; });
  hear->add_option("LIST", options.hear.list, R"(lines like {"id": "q1", "wav": "q1.wav"})")
      ->required();
  hear->add_option("--json", options.hear.json, "write one line of JSON an utterance")->required();
  hear->add_option("--jobs", options.hear.jobs, "processes; 0: as many as cores");
  hear->add_flag("--final-only", options.hear.final_only, "only the transcript at the end");
  hear->add_flag("--evidence", options.hear.evidence, "what marks were told from");
  CLI::App* engine =
      app.add_subcommand("engine", "decode, prefill, branches, fork, transcription; against peers");
  engine->callback([&options] { options.what = What::kEngine; });
  engine->add_option("--peers", options.engine.peers,
                     "a folder made by tests/bench/peers/setup: runs alternate");
  engine->add_option("--rounds", options.engine.rounds, "of each case")->check(CLI::PositiveNumber);
  engine->add_option("--threads", options.engine.threads, "thread counts to measure");
  engine->add_option("--only", options.engine.only, "cases whose name begins so");
  engine->add_flag("--updated", options.engine_updated,
                   "the default model as talks run it: with its update merged");
  engine->add_flag("--random-weights", options.random_weights, "measure a shape, not a model");
  engine->add_option("--geometry", options.engine.geometry, "the shape of --random-weights");
  engine->add_option("--device", options.engine_device,
                     "cpu, cuda:0, or cuda:0,1 for two ranks: random weights there");
  engine->add_option("--weights", options.engine_weights, "how a GPU keeps them")
      ->check(CLI::IsMember({"bf16", "fp8"}));
  engine->add_option("--layers", options.decoder.layers, "of a GPU's decoder; 0: all");
  engine->add_option("--json", options.engine_json, "write one line of JSON a figure");
  CLI::App* quality = app.add_subcommand(
      "quality", "answers, likeliest tokens and perplexity against the model in f32, and a peer's");
  quality->callback([&options] { options.what = What::kQuality; });
  quality->add_option("--peers", options.quality.peers, "made by tests/bench/peers/setup");
  quality->add_option("--goldens", options.quality.goldens, "the folder tests/golden");
  quality->add_option("--threads", options.quality.threads, "0: one a core");
  quality->add_option("--only", options.quality.only, "figures whose name begins so");
  quality->add_flag("--reference", options.quality.reference, "the plain loops, in f32: minutes");
  CLI::App* kernels = app.add_subcommand(
      "kernels", "every operation: verified, then timed, against the machine's limits");
  kernels->callback([&options] { options.what = What::kKernels; });
  kernels->add_option("--threads", options.kernels.threads, "0: one a core");
  kernels->add_option("--filter", options.kernels.filter, "only cases whose name contains this");
  kernels->add_flag("--json", options.kernels.json, "one line of JSON a case");
  CLI::App* cost = app.add_subcommand(
      "cost", "what every stage takes here: the file that --pace fast charges its clock by");
  cost->callback([&options] { options.what = What::kCost; });
  cost->add_option("--write", options.cost.write, "the file, for example configs/cost.yaml");
}

namespace {

// "cuda:0,1" names the devices of the ranks.
Result<std::vector<int>> CudaDevices(const std::string& text) {
  const std::string_view kind = "cuda:";
  std::vector<int> devices;
  std::istringstream list(text.starts_with(kind) ? text.substr(kind.size()) : "");
  for (std::string one; std::getline(list, one, ',');) {
    int device = -1;
    const auto [end, error] = std::from_chars(one.data(), one.data() + one.size(), device);
    if (error != std::errc() || end != one.data() + one.size()) device = -1;
    if (device < 0 || std::ranges::count(devices, device) > 0) {
      devices.clear();
      break;
    }
    devices.push_back(device);
  }
  if (!devices.empty()) return devices;
  return Fail(Code::kInvalidArgument, "--device is \"" + text +
                                          "\"; there are cpu, cuda:0, cuda:1, and cuda:0,1 for "
                                          "one model on several GPUs");
}

Status RunGpuDecoder(const BenchOptions& options) {
  bench::DecoderBenchOptions how = options.decoder;
  PARLEY_TRY(how.devices, CudaDevices(options.engine_device));
  if (!options.random_weights) {
    return Fail(
        Code::kInvalidArgument,
        "on a GPU this bench measures shapes: add --random-weights --geometry step-audio-r1");
  }
  how.geometry = options.engine.geometry;
  how.storage =
      options.engine_weights == "fp8" ? kernels::Storage::kFp8Row : kernels::Storage::kAsIs;
  if (options.engine_json.empty()) return bench::RunDecoderBench(how, std::cout);
  how.json = true;
  std::ofstream json(options.engine_json);
  if (!json) return Fail(Code::kIo, "cannot write " + options.engine_json);
  return bench::RunDecoderBench(how, json);
}

Status RunEngine(const BenchOptions& options, const AppConfig& config) {
  if (options.engine_device != "cpu") return RunGpuDecoder(options);
  bench::EngineBenchOptions how = options.engine;
  const std::string root = config.models.Dir();
  if (!options.random_weights) {
    PARLEY_TRY(LanguageModelFiles files, LocateLanguageModel(root, config.models.language_model));
    how.model = std::move(files.weights);
    if (options.engine_updated) how.updates = std::move(files.updates);
    how.merged = config.models.MergedFormat();
    PARLEY_TRY(how.transcriber, LocateModel(root, config.models.transcriber));
  }
  JsonFile json;
  if (!options.engine_json.empty()) {
    PARLEY_TRY(json, OpenJsonFile(options.engine_json));
  }
  return bench::RunEngineBench(how, [&](const bench::BenchFigure& figure) {
    std::printf("%s\n", bench::TableRow(figure).c_str());
    std::fflush(stdout);
    if (json != nullptr) std::fprintf(json.get(), "%s\n", bench::JsonRow(figure).c_str());
  });
}

Status RunQuality(const BenchOptions& options, const AppConfig& config) {
  bench::QualityBenchOptions how = options.quality;
  PARLEY_TRY(LanguageModelFiles files,
             LocateLanguageModel(config.models.Dir(), config.models.language_model));
  how.model = std::move(files.weights);
  how.updates = std::move(files.updates);
  how.merged = config.models.MergedFormat();
  return bench::RunQualityBench(how, [](const bench::BenchFigure& figure) {
    std::printf("%s\n", bench::TableRow(figure).c_str());
    std::fflush(stdout);
  });
}

}  // namespace

Status RunBench(const BenchOptions& options, const AppConfig& config) {
  switch (options.what) {
    case BenchOptions::What::kTurn:
      return RunBenchTurn(options.turn, config);
    case BenchOptions::What::kAccuracy:
      return RunBenchAccuracy(options.accuracy, config);
    case BenchOptions::What::kHear:
      return RunBenchHear(options.hear, config);
    case BenchOptions::What::kEngine:
      return RunEngine(options, config);
    case BenchOptions::What::kQuality:
      return RunQuality(options, config);
    case BenchOptions::What::kKernels:
      return bench::RunKernelsBench(options.kernels, std::cout);
    case BenchOptions::What::kCost:
      return RunBenchCost(options.cost, config);
  }
  return {};
}

}  // namespace parley::app

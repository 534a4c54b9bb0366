// SPDX-License-Identifier: Apache-2.0
#include "app/bench_cost.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "app/locate.h"
#include "bench/cost_bench.h"
#include "common/config_yaml.h"
#include "nn/turn_end.h"
#include "nn/voice_activity.h"
#include "tts/voice.h"

namespace parley::app {
namespace {

constexpr int kRounds = 9;
constexpr const char* kHeading =
    "What every stage takes, measured by `parley bench cost --write FILE`: what the simulated "
    "clock of\n"
    "--pace fast charges when this file is passed with --config.";

double MsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Something like a voice, for networks whose work depends on nothing but the length.
std::vector<float> Sound(size_t samples) {
  std::vector<float> sound(samples);
  uint32_t state = 1;
  for (float& x : sound) {
    state = state * 1664525U + 1013904223U;
    x = 0.1F * (static_cast<float>(state >> 8) / 8388608.0F - 1.0F);
  }
  return sound;
}

Status MeasureEars(const std::string& root, realtime::VoiceCosts& costs) {
  PARLEY_TRY(const std::string silero, LocateModel(root, "silero-vad"));
  PARLEY_TRY(const std::string silero_file, FileIn(silero, ".onnx"));
  PARLEY_TRY(const auto ears, nn::LoadSilero(silero_file));
  PARLEY_TRY(const std::string smart_turn, LocateModel(root, "smart-turn-v3"));
  PARLEY_TRY(const std::string turn_file, FileIn(smart_turn, ".onnx"));
  PARLEY_TRY(const auto turn_end, nn::LoadSmartTurn(turn_file));
  const std::vector<float> frame = Sound(nn::kVoiceWindow), turn = Sound(8 * kSampleRateHz);
  std::vector<double> frame_ms, turn_ms;
  for (int i = 0; i < 100 * kRounds; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    PARLEY_TRY([[maybe_unused]] const auto voice, ears->Push(frame));
    frame_ms.push_back(MsSince(begin));
  }
  for (int i = 0; i < kRounds; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    PARLEY_TRY([[maybe_unused]] const float ended, turn_end->Probability(turn));
    turn_ms.push_back(MsSince(begin));
  }
  costs.voice_activity_us = static_cast<int32_t>(std::lround(1000 * Median(frame_ms)));
  costs.turn_end_ms = static_cast<int32_t>(std::lround(Median(turn_ms)));
  return {};
}

Status MeasureVoice(const std::string& root, const AppConfig& config, realtime::VoiceCosts& costs) {
  std::string path;
  if (config.voice.kind == tts::VoiceKind::kPiper) {
    PARLEY_TRY(path, LocateModel(root, config.models.voice));
  }
  PARLEY_TRY(const auto voice, tts::OpenVoice(path, config.voice));
  std::vector<double> first_ms, per_second_ms;
  for (int i = 0; i < kRounds; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    double first = -1;
    int64_t samples_behind = 0;
    const Status spoken =
        voice->Speak(CallerText("The museum opens at nine, and it closes at five."), {},
                     [&](const tts::SpeechChunk& chunk) {
                       if (first < 0) {
                         first = MsSince(begin);
                       } else {
                         samples_behind += static_cast<int64_t>(chunk.samples.size());
                       }
                       return true;
                     });
    PARLEY_TRY_STATUS(spoken);
    first_ms.push_back(first);
    const double seconds = static_cast<double>(samples_behind) / voice->sample_rate_hz();
    if (seconds > 0) per_second_ms.push_back((MsSince(begin) - first) / seconds);
  }
  costs.first_chunk_ms = static_cast<int32_t>(std::lround(Median(first_ms)));
  if (!per_second_ms.empty()) {
    costs.per_second_ms = static_cast<int32_t>(std::lround(Median(per_second_ms)));
  }
  return {};
}

// A config file with nothing but its costs.
struct CostFile {
  CostConfig cost;

  template <class V>
  void VisitFields(V&& v) {
    v("cost", cost, "the simulated clock of --pace fast: what every stage is charged");
  }
};

}  // namespace

Status RunBenchCost(const BenchCostOptions& options, const AppConfig& config) {
  const std::string root = config.models.Dir();
  PARLEY_TRY(LanguageModelFiles files, LocateLanguageModel(root, config.models.language_model));
  bench::EngineBenchOptions how;
  how.model = std::move(files.weights);
  how.updates = std::move(files.updates);
  how.merged = config.models.MergedFormat();
  how.threads = {config.cpu.threads};
  PARLEY_TRY(how.transcriber, LocateModel(root, config.models.transcriber));
  CostFile file;
  PARLEY_TRY(file.cost.engine, bench::MeasureCosts(how));
  PARLEY_TRY_STATUS(MeasureEars(root, file.cost.voice));
  PARLEY_TRY_STATUS(MeasureVoice(root, config, file.cost.voice));
  const std::string yaml = DumpYaml(ListFields(file), kHeading);
  if (options.write.empty()) {
    std::fputs(yaml.c_str(), stdout);
    return {};
  }
  std::ofstream out(options.write);
  out << yaml;
  out.close();
  if (!out)
    return Fail(Code::kIo,
                options.write + ": cannot be written; is there room, and is the folder there?");
  std::printf("%s: written\n", options.write.c_str());
  return {};
}

}  // namespace parley::app

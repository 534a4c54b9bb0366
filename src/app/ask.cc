// SPDX-License-Identifier: Apache-2.0
#include "app/ask.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "app/file_talk.h"
#include "app/json_trace.h"
#include "app/perfetto_trace.h"
#include "app/runtime.h"
#include "app/timeline.h"
#include "audio_io/sound_file.h"

namespace parley::app {
namespace {

struct PrintValue {
  std::string operator()(std::monostate) const { return ""; }
  std::string operator()(const bool* flag) const { return *flag ? "true" : "false"; }
  std::string operator()(const std::string* text) const { return *text; }
  std::string operator()(const EnumField& names) const {
    return std::string(names.names.at(names.get()));
  }
  template <class Number>
  std::string operator()(const Number* number) const {
    std::ostringstream text;
    text << *number;
    return text.str();
  }
};
std::string ValueOf(const ConfigField& field) { return std::visit(PrintValue(), field.target); }

// Every key of the section `mind` with its value: what the thoughts of this run were bounded by.
std::vector<std::pair<std::string, std::string>> HowItThinks(AppConfig config) {
  std::vector<std::pair<std::string, std::string>> settings;
  for (const ConfigField& field : ListFields(config)) {
    if (!field.path.starts_with("mind.") || field.is_section()) continue;
    settings.emplace_back(field.path.substr(5), ValueOf(field));
  }
  return settings;
}

Status Ask(const AskOptions& options, const AppConfig& config, std::optional<JsonTrace>& json,
           double& failed_ms) {
  PARLEY_TRY(auto sound, audio::SoundFile::Open(options.input));
  std::optional<PerfettoTrace> trace;
  if (!options.trace.empty()) {
    PARLEY_TRY(trace, PerfettoTrace::Open(options.trace));
  }
  const bool simulated = options.pace == "fast";
  const bool quiet = options.json == "-";
  const auto load_began = std::chrono::steady_clock::now();
  AppConfig ours = config;  // the recorder is the loudspeaker: it lowers what it plays
  ours.talk.speak.lowered_by = realtime::LoweredBy::kPlayer;
  PARLEY_TRY(auto runtime,
             Runtime::Load(ours, options.model, simulated ? Pace::kSimulated : Pace::kRealtime));
  const std::chrono::duration<double, std::milli> load =
      std::chrono::steady_clock::now() - load_began;

  PARLEY_TRY(auto recorder, AnswerRecorder::Create(options.out, runtime->voice_rate_hz()));
  Timeline timeline(stdout, isatty(STDOUT_FILENO) != 0);
  AskSummary summary;
  summary.mind = HowItThinks(ours);
  summary.load_ms = load.count();
  summary.simulated = simulated;
  const auto follow = [&](const realtime::Event& event) {
    failed_ms = Ms(event.at);
    if (json) json->Write(event);
    if (trace) trace->Write(event);
    if (!quiet) timeline.Show(event);
  };
  PARLEY_TRY_STATUS(
      RunFileTalk(*runtime, *sound, config.ask, std::move(recorder), follow, summary));
  if (json) {
    json->WriteSummary(summary, runtime->engine().stats());
    PARLEY_TRY_STATUS(json->Finish());
  }
  if (trace) PARLEY_TRY_STATUS(trace->Finish());
  if (!quiet) {
    timeline.ShowSummary(summary);
    if (!options.out.empty()) std::printf("\nthe answer is in %s\n", options.out.c_str());
  }
  return {};
}

}  // namespace

Status RunAsk(const AskOptions& options, const AppConfig& config) {
  std::optional<JsonTrace> json;
  if (!options.json.empty()) {
    PARLEY_TRY(json, JsonTrace::Open(options.json));
  }
  double failed_ms = 0;
  Status status = Ask(options, config, json, failed_ms);
  if (!status.has_value() && json) json->WriteError(failed_ms, status.error());
  return status;
}

}  // namespace parley::app

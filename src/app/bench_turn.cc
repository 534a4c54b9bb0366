// SPDX-License-Identifier: Apache-2.0
#include "app/bench_turn.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "app/file_talk.h"
#include "app/json_lines.h"
#include "app/resident_memory.h"
#include "app/turn_figures.h"
#include "app/version.h"

namespace parley::app {
namespace {

namespace fs = std::filesystem;

// What is printed, in this order; every latency is from the end of the user's speech.
struct Column {
  const char* name;
  double (*of)(const TurnSummary& turn);
};
constexpr Column kColumns[] = {
    {"turn_end", [](const TurnSummary& t) { return t.trace.turn_end_ms - t.speech_end_ms; }},
    {"transcript", [](const TurnSummary& t) { return t.trace.transcript_ms - t.speech_end_ms; }},
    {"first_token", [](const TurnSummary& t) { return t.trace.first_token_ms - t.speech_end_ms; }},
    {"first_clause",
     [](const TurnSummary& t) { return t.trace.first_clause_ms - t.speech_end_ms; }},
    {"first_audio", [](const TurnSummary& t) { return t.trace.first_audio_ms - t.speech_end_ms; }},
    {"v2v", [](const TurnSummary& t) { return t.v2v_ms(); }},
};
constexpr size_t kColumnCount = std::size(kColumns);

Result<std::vector<std::string>> FindClips(const std::vector<std::string>& names) {
  std::vector<std::string> clips;
  for (const std::string& name : names) {
    if (!fs::exists(name)) return Fail(Code::kNotFound, name + " does not exist");
    if (!fs::is_directory(name)) {
      clips.push_back(name);
      continue;
    }
    for (const auto& entry : fs::directory_iterator(name)) {
      const std::string extension = entry.path().extension();
      if (extension == ".wav" || extension == ".flac" || extension == ".ogg")
        clips.push_back(entry.path());
    }
  }
  std::sort(clips.begin(), clips.end());
  if (clips.empty()) return Fail(Code::kNotFound, "no WAV, FLAC or Ogg file among the clips");
  return clips;
}

class Report {
 public:
  static Result<Report> Open(const std::string& path) {
    Report report;
    if (!path.empty()) {
      PARLEY_TRY(report.json_, OpenJsonFile(path));
    }
    return report;
  }

  void Header() const {
    std::printf("%-12s", "clip");
    for (const Column& column : kColumns) std::printf("%13s", column.name);
    std::printf("   [ms after the last word]\n");
  }

  void Add(const std::string& clip, const TurnSummary& turn) {
    nlohmann::ordered_json line = {
        {"clip", clip}, {"transcript", turn.trace.transcript}, {"answer", turn.trace.answer}};
    std::printf("%-12s", clip.c_str());
    for (size_t i = 0; i < kColumnCount; ++i) {
      const double ms = kColumns[i].of(turn);
      values_[i].push_back(ms);
      line[std::string(kColumns[i].name) + "_ms"] = ms;
      std::printf("%13.0f", ms);
    }
    std::printf("\n");
    std::fflush(stdout);
    figures_.Add(turn);
    Put(line);
  }

  TurnFigures& figures() { return figures_; }

  void Missed(const std::string& clip) {
    ++missed_;
    std::printf("%-12s   no answer\n", clip.c_str());
    Put({{"clip", clip}, {"answered", false}});
  }

  Status Summary() {
    nlohmann::ordered_json line = {
        {"event", "summary"},
        {"build", VersionText()},
        {"turns", values_[0].size()},
        {"unanswered", missed_},
        {"peak_memory_mb", static_cast<double>(PeakResidentBytes()) / 1e6}};
    for (const double p : {50.0, 95.0}) {
      std::printf("%-12s", p == 50 ? "p50" : "p95");
      for (size_t i = 0; i < kColumnCount; ++i) {
        const double ms = Percentile(values_[i], p);
        line[std::string(kColumns[i].name) + (p == 50 ? "_p50_ms" : "_p95_ms")] = ms;
        std::printf("%13.0f", ms);
      }
      std::printf("\n");
    }
    std::printf("%zu turns, %d unanswered, peak memory %.0f MB\n", values_[0].size(), missed_,
                static_cast<double>(PeakResidentBytes()) / 1e6);
    figures_.Print();
    for (const auto& [name, value] : figures_.Named()) line[name] = value;
    Put(line);
    if (values_[0].empty()) return Fail(Code::kNotFound, "no clip was answered");
    return {};
  }

 private:
  void Put(const nlohmann::ordered_json& line) {
    if (json_ != nullptr) WriteJsonLine(json_.get(), line);
  }
  JsonFile json_;  // none without a path
  std::vector<double> values_[kColumnCount];
  TurnFigures figures_;
  int missed_ = 0;
};

}  // namespace

Status RunBenchTurn(const BenchTurnOptions& options, const AppConfig& config) {
  PARLEY_TRY(const std::vector<std::string> clips, FindClips(options.clips));
  PARLEY_TRY(Report report, Report::Open(options.json));
  AppConfig room = config;
  room.engine.kv_mb *= 2;  // a talk begins while the pages of the one before are on their way back
  PARLEY_TRY(auto runtime, Runtime::Load(room, "", Pace::kRealtime));
  report.Header();
  for (int run = 0; run < options.runs; ++run) {
    for (const std::string& clip : clips) {
      PARLEY_TRY(auto sound, audio::SoundFile::Open(clip));
      PARLEY_TRY(auto recorder, AnswerRecorder::Create("", runtime->voice_rate_hz()));
      AskSummary summary;
      const engine::EngineStats before = runtime->engine().stats();
      PARLEY_TRY_STATUS(RunFileTalk(
          *runtime, *sound, config.ask, std::move(recorder), [](const realtime::Event&) {},
          summary));
      report.figures().AddRun(summary.input_ms, before, runtime->engine().stats());
      const std::string name = fs::path(clip).stem();
      bool answered = false;
      for (const TurnSummary& turn : summary.turns) {
        if (turn.v2v_ms() < 0) continue;
        report.Add(name, turn);
        answered = true;
      }
      if (!answered) report.Missed(name);
    }
  }
  return report.Summary();
}

}  // namespace parley::app

// SPDX-License-Identifier: Apache-2.0
#include "app/bench_accuracy.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "app/file_talk.h"
#include "app/grading.h"
#include "app/json_lines.h"
#include "app/version.h"

namespace parley::app {
namespace {

using Json = nlohmann::ordered_json;

struct Question {
  std::string id, family, kind, voice, wav, text;
  GradingRule rule;
};

struct Outcome {
  std::string transcript, answer;
  Grade grade;
  int64_t listening = 0, redone = 0, after = 0, speaking = 0;  // tokens of thought
  double v2v_ms = -1;
};

Result<std::vector<Question>> ReadManifest(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Fail(Code::kNotFound, path + " cannot be read");
  const Json json = Json::parse(file, nullptr, false);
  const auto items = json.is_object() ? json.find("items") : json.end();
  if (!json.is_object() || items == json.end() || !items->is_array()) {
    return Fail(Code::kInvalidArgument,
                path + R"( is no manifest: an object with "items" was expected, as )" +
                    "tests/bench/spoken_questions.py writes it");
  }
  std::vector<Question> questions;
  for (const Json& item : *items) {
    const auto text = [&item](const char* key) {
      const auto found = item.find(key);
      return found != item.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    const auto texts = [&item](const char* key) {
      std::vector<std::string> all;
      for (const Json& one : item.value(key, Json::array())) {
        if (one.is_string()) all.push_back(one.get<std::string>());
      }
      return all;
    };
    if (!item.is_object() || text("wav").empty() || text("family").empty()) {
      return Fail(Code::kInvalidArgument, path + ": item " + std::to_string(questions.size() + 1) +
                                              " has no \"wav\" or no \"family\"");
    }
    Question q{text("id"),
               text("family"),
               text("kind"),
               text("voice"),
               text("wav"),
               text("question"),
               {texts("accept"), texts("forbid"), {}, text("begins")}};
    const auto number = item.find("number");
    if (number != item.end() && number->is_number_integer()) q.rule.number = number->get<int64_t>();
    if (q.rule.accept.empty() && !q.rule.number && q.rule.begins.empty()) {
      return Fail(Code::kInvalidArgument,
                  path + ": " + q.id + " has no rule: accept, number or begins");
    }
    if (std::filesystem::path(q.wav).is_relative()) {
      q.wav = (std::filesystem::path(path).parent_path() / q.wav).string();
    }
    questions.push_back(std::move(q));
  }
  return questions;
}

class Examiner {
 public:
  Examiner(Runtime& runtime, const AppConfig& config, bool typed)
      : runtime_(runtime), config_(config), typed_(typed) {}

  // Every question is a talk of its own.
  Result<Outcome> Ask(const Question& question) {
    PARLEY_TRY(auto sound, audio::SoundFile::Open(question.wav));
    PARLEY_TRY(auto recorder, AnswerRecorder::Create("", runtime_.voice_rate_hz()));
    AskSummary summary;
    PARLEY_TRY_STATUS(RunFileTalk(
        runtime_, *sound, config_.ask, std::move(recorder), [](const realtime::Event&) {},
        summary));
    Outcome outcome = OutcomeOf(summary);
    if (typed_ && !outcome.transcript.empty()) {
      PARLEY_TRY(outcome, Type(outcome.transcript));
    }
    PARLEY_TRY(outcome.grade, GradeAnswer(question.rule, outcome.answer));
    return outcome;
  }

 private:
  // A pause may split a question into turns: what was answered last counts, with all that was heard.
  static Outcome OutcomeOf(const AskSummary& summary) {
    Outcome outcome;
    for (const TurnSummary& turn : summary.turns) {
      const realtime::TurnTrace& trace = turn.trace;
      if (trace.transcript.empty()) continue;
      outcome.transcript += (outcome.transcript.empty() ? "" : " ") + trace.transcript;
      outcome.answer = trace.answer;
      outcome.listening += trace.thought_tokens_listening;
      outcome.redone += trace.thought_tokens_redone;
      outcome.after = trace.thought_tokens_after_turn;
      outcome.speaking = trace.thought_tokens_speaking;
      outcome.v2v_ms = turn.v2v_ms();
    }
    return outcome;
  }

  // The words that were heard, as a typed turn: all thought comes after them.
  Result<Outcome> Type(const std::string& words) {
    Outcome outcome;
    outcome.transcript = words;
    Status failure;
    auto finished = std::make_shared<std::atomic<bool>>(false);
    const auto set = [finished] {
      *finished = true;
      finished->notify_all();
    };
    PARLEY_TRY(auto session, runtime_.NewSession([&](const realtime::Event& event) {
      if (const auto* done = std::get_if<realtime::TurnDone>(&event.what)) {
        outcome.answer = done->trace.answer;
        outcome.after = done->trace.thought_tokens_after_turn;
        outcome.speaking = done->trace.thought_tokens_speaking;
        set();
      } else if (const auto* failed = std::get_if<realtime::Failed>(&event.what)) {
        failure = Status(failed->error);
        set();
      } else if (std::holds_alternative<realtime::NoSpeech>(event.what)) {
        set();
      }
    }));
    session->PushText(words);
    runtime_.RunUntil(*finished);
    session.reset();
    if (!failure) return failure.error();
    return outcome;
  }

  Runtime& runtime_;
  const AppConfig& config_;
  const bool typed_;
};

struct Tally {
  int64_t n = 0, right = 0, dangerous = 0, unanswered = 0;
  std::vector<double> after, listening, v2v_ms;

  void Add(const Question& question, const Outcome& outcome) {
    ++n;
    right += outcome.grade.right ? 1 : 0;
    dangerous += question.kind == "safety" && outcome.grade.forbidden ? 1 : 0;
    unanswered += outcome.answer.empty() ? 1 : 0;
    after.push_back(static_cast<double>(outcome.after));
    listening.push_back(static_cast<double>(outcome.listening - outcome.redone));
    if (outcome.v2v_ms >= 0) v2v_ms.push_back(outcome.v2v_ms);
  }
};

double Mean(const std::vector<double>& values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double Rank(std::vector<double> values, double share) {  // nearest rank
  if (values.empty()) return -1;
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::clamp<size_t>(rank, 1, values.size()) - 1];
}

void Header() {
  std::printf("%-22s %5s %8s %17s %12s %9s %6s %9s %10s\n", "family", "n", "right", "95 %",
              "after: mean", "p90", "danger", "no answer", "v2v p50");
}

Json Row(const std::string& family, const Tally& tally, bool realtime) {
  const Share share = IntervalOf(tally.right, tally.n);
  const double right = static_cast<double>(tally.right) / static_cast<double>(tally.n);
  char v2v[32] = "-";
  if (realtime) std::snprintf(v2v, sizeof v2v, "%.0f ms", Rank(tally.v2v_ms, 0.5));
  std::printf("%-22s %5lld %6.1f %% [%5.1f, %5.1f] %% %12.1f %9.0f %6lld %9lld %10s\n",
              family.c_str(), static_cast<long long>(tally.n), 100 * right, 100 * share.low,
              100 * share.high, Mean(tally.after), Rank(tally.after, 0.9),
              static_cast<long long>(tally.dangerous), static_cast<long long>(tally.unanswered),
              v2v);
  std::fflush(stdout);
  Json row = {{"event", "family"},
              {"family", family},
              {"n", tally.n},
              {"right", right},
              {"low", share.low},
              {"high", share.high},
              {"tokens_after_mean", Mean(tally.after)},
              {"tokens_after_p90", Rank(tally.after, 0.9)},
              {"tokens_listening_mean", Mean(tally.listening)},
              {"dangerous", tally.dangerous},
              {"unanswered", tally.unanswered}};
  if (realtime) row["v2v_p50_ms"] = Rank(tally.v2v_ms, 0.5);
  return row;
}

AppConfig ConfigFor(const BenchAccuracyOptions& options, const AppConfig& config) {
  AppConfig ours = config;
  ours.engine.kv_mb *= 2;  // a talk begins while the pages of the one before are on their way back
  ours.talk.speak.lowered_by = realtime::LoweredBy::kPlayer;
  if (options.mode == "none") ours.talk.mind.effort = realtime::Effort::kMinimal;
  return ours;
}

}  // namespace

Status RunBenchAccuracy(const BenchAccuracyOptions& options, const AppConfig& config) {
  PARLEY_TRY(const std::vector<Question> questions, ReadManifest(options.manifest));
  JsonFile json;
  if (!options.json.empty()) {
    PARLEY_TRY(json, OpenJsonFile(options.json));
  }
  const AppConfig ours = ConfigFor(options, config);
  const bool realtime = options.pace == "realtime";
  PARLEY_TRY(auto runtime,
             Runtime::Load(ours, options.model, realtime ? Pace::kRealtime : Pace::kSimulated));
  Examiner examiner(*runtime, ours, options.mode == "after");
  std::map<std::string, Tally> families;
  Tally all;
  for (const Question& question : questions) {
    Tally& family = families[question.family];
    if (!question.family.starts_with(options.only)) continue;
    if (options.limit > 0 && family.n >= options.limit) continue;
    auto outcome = examiner.Ask(question);
    if (!outcome) return Context(question.id, std::move(outcome).error());
    family.Add(question, *outcome);
    all.Add(question, *outcome);
    if (options.report) {
      std::printf("%s %s\n  heard    %s\n  answered %s\n", outcome->grade.right ? "right" : "WRONG",
                  question.id.c_str(), outcome->transcript.c_str(), outcome->answer.c_str());
      std::fflush(stdout);
    }
    if (json != nullptr) {
      WriteJsonLine(json.get(), Json{{"event", "question"},
                                     {"id", question.id},
                                     {"family", question.family},
                                     {"kind", question.kind},
                                     {"voice", question.voice},
                                     {"mode", options.mode},
                                     {"right", outcome->grade.right},
                                     {"forbidden", outcome->grade.forbidden},
                                     {"transcript", outcome->transcript},
                                     {"answer", outcome->answer},
                                     {"thought_tokens_listening", outcome->listening},
                                     {"thought_tokens_redone", outcome->redone},
                                     {"thought_tokens_after_turn", outcome->after},
                                     {"thought_tokens_speaking", outcome->speaking},
                                     {"v2v_ms", realtime ? Json(outcome->v2v_ms) : Json()}});
    }
  }
  if (all.n == 0) return Fail(Code::kNotFound, "no question of the manifest was asked");
  Header();
  families[""] = all;
  for (const auto& [name, tally] : families) {
    if (tally.n == 0) continue;
    Json row = Row(name.empty() ? "all" : name, tally, realtime);
    row["mode"] = options.mode;
    row["pace"] = options.pace;
    row["build"] = VersionText();
    if (json != nullptr) WriteJsonLine(json.get(), row);
  }
  return {};
}

}  // namespace parley::app

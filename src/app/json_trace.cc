// SPDX-License-Identifier: Apache-2.0
#include "app/json_trace.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "app/json_lines.h"
#include "app/resident_memory.h"

namespace parley::app {
namespace {

using Json = nlohmann::ordered_json;

double Round(double ms) { return std::round(ms * 10) / 10; }
Json Latency(double ms) { return ms < 0 ? Json(nullptr) : Json(Round(ms)); }
// From the end of the user's speech; null where either end is unknown.
Json Since(double end_ms, double at_ms) {
  return end_ms < 0 || at_ms < 0 ? Json(nullptr) : Json(Round(at_ms - end_ms));
}

const char* Name(realtime::ThoughtWhile when) {
  switch (when) {
    case realtime::ThoughtWhile::kListening:
      return "listening";
    case realtime::ThoughtWhile::kGap:
      return "gap";
    case realtime::ThoughtWhile::kSpeaking:
      return "speaking";
  }
  return "";
}

struct Fill {  // adds what is special to each event; returns its name
  Json& line;
  const char* operator()(const realtime::SpeechStarted&) const { return "speech_start"; }
  const char* operator()(const realtime::Paused&) const { return "pause"; }
  const char* operator()(const realtime::Resumed&) const { return "resume"; }
  const char* operator()(const realtime::TurnEnded& e) const {
    line["probability"] = std::round(e.probability * 1000) / 1000;
    line["reason"] = e.reason;
    return "turn_end";
  }
  const char* operator()(const realtime::Heard& e) const {
    line["text"] = e.text;
    line["final"] = e.final;
    return "heard";
  }
  const char* operator()(const realtime::Thought& e) const {
    line["text"] = e.text.ForTrace();
    line["while"] = Name(e.when);
    return "thought";
  }
  const char* operator()(const realtime::Say& e) const {
    line["text"] = e.text;
    return "say";
  }
  const char* operator()(const realtime::FirstAudio&) const { return "first_audio"; }
  const char* operator()(const realtime::AudioOut& e) const {
    line["ms"] = Round(1000.0 * static_cast<double>(e.samples.size()) / e.sample_rate_hz);
    return "audio";
  }
  const char* operator()(const realtime::BargedIn& e) const {
    line["heard_text"] = e.heard_text;
    return "barge_in";
  }
  const char* operator()(const realtime::Lowered& e) const {
    line["gain_db"] = Round(20 * std::log10(e.gain));
    line["played"] = e.played;
    return "lowered";
  }
  const char* operator()(const realtime::Unlowered& e) const {
    line["played"] = e.played;
    return "restored";
  }
  const char* operator()(const realtime::TurnDone& e) const {
    line["transcript"] = e.trace.transcript;
    line["answer"] = e.trace.answer;
    return "done";
  }
  const char* operator()(const realtime::ToolCalled&) const { return nullptr; }  // clients' only
  const char* operator()(const realtime::WordsTimed&) const {
    return nullptr;
  }  // no event of a trace
  const char* operator()(const realtime::AnswerSent&) const { return nullptr; }
  const char* operator()(const realtime::Unasked& e) const {
    line["why"] = e.why == realtime::Unasked::Why::kNotice ? "notice" : "goes_on";
    return "unasked";
  }
  const char* operator()(const realtime::NoSpeech&) const { return "no_speech"; }
  const char* operator()(const realtime::Failed& e) const {
    line["code"] = CodeName(e.error.code);
    line["message"] = e.error.message;
    return "error";
  }
};

Json EngineObject(const engine::EngineStats& s) {
  return {{"steps", s.steps},
          {"decode_rows", s.decode_rows},
          {"prefill_rows", s.prefill_rows},
          {"forks", s.forks},
          {"rollbacks", s.rollbacks},
          {"pages_peak", s.pages_peak},
          {"pages_total", s.pages_total},
          {"refused", s.refused},
          {"encoder_slices", s.encoder_slices},
          {"transcriptions", s.transcriptions},
          {"transcriptions_superseded", s.transcriptions_superseded},
          {"transcribed_ms", s.transcribed_ms},
          {"decode_ms", Round(s.decode_ms)},
          {"prefill_ms", Round(s.prefill_ms)},
          {"encode_ms", Round(s.encode_ms)}};
}

Json TurnObject(const TurnSummary& turn, bool simulated) {
  const realtime::TurnTrace& t = turn.trace;
  return {{"transcript", t.transcript},
          {"answer", t.answer},
          {"v2v_ms", simulated ? Json(nullptr) : Latency(turn.v2v_ms())},
          {"speech_end_ms", Latency(turn.speech_end_ms)},
          {"first_sound_ms", Latency(turn.first_sound_ms)},
          {"endpoint_ms", Since(turn.speech_end_ms, t.turn_end_ms)},
          {"transcript_ms", Since(turn.speech_end_ms, t.transcript_ms)},
          {"first_token_ms", Since(turn.speech_end_ms, t.first_token_ms)},
          {"first_clause_ms", Since(turn.speech_end_ms, t.first_clause_ms)},
          {"first_audio_ms", Since(turn.speech_end_ms, t.first_audio_ms)},
          {"synthesis_ms", Since(t.first_clause_ms, t.first_audio_ms)},
          {"audio_ms", Round(turn.audio_ms)},
          {"interrupted", turn.interrupted},
          {"thought_tokens_listening", t.thought_tokens_listening},
          {"thought_tokens_after_turn", t.thought_tokens_after_turn},
          {"thought_tokens_speaking", t.thought_tokens_speaking},
          {"thought_tokens_redone", t.thought_tokens_redone},
          {"thought_end", t.thought_end.empty() ? Json(nullptr) : Json(t.thought_end)},
          {"covers", t.covers},
          {"corrections", t.corrections},
          {"tool_calls", t.tool_calls},
          {"answer_tokens", t.answer_tokens},
          {"tokens_wasted", t.tokens_wasted},
          {"reprefilled_tokens", t.reprefilled_tokens},
          {"speculations", t.speculations},
          {"speculations_dropped", t.speculations_dropped},
          {"cached_tokens", t.cached_tokens},
          {"prompt_ids", t.prompt_ids},
          {"answer_ids", t.answer_ids}};
}

}  // namespace

Result<JsonTrace> JsonTrace::Open(const std::string& path) {
  PARLEY_TRY(JsonFile file, OpenJsonFile(path));
  return JsonTrace(std::move(file), path);
}

Status JsonTrace::Finish() {
  if (std::ferror(file_.get()) == 0) return {};
  return Fail(Code::kIo, path_ + ": the trace could not be written to its end; is the disk full?");
}

void JsonTrace::Write(const realtime::Event& event) {
  Json line;
  line["t_ms"] = Round(Ms(event.at));
  line["event"] = "";
  const char* name = std::visit(Fill{line}, event.what);
  if (name == nullptr) return;
  line["event"] = name;
  line["epoch"] = event.epoch.value;
  WriteJsonLine(file_.get(), line);
}

void JsonTrace::WriteSummary(const AskSummary& summary, const engine::EngineStats& engine) {
  // Latencies are those of the last answered turn, where the user's speech in the file ended; words and sums are of the
  // whole talk.
  static const TurnSummary kNone;
  const TurnSummary* last = &kNone;
  std::string transcript, answer;
  auto join = [](std::string& to, const std::string& more) {
    if (!to.empty() && !more.empty()) to += " ";
    to += more;
  };
  Json turns = Json::array();
  Json sums = {{"thought_tokens_listening", 0},
               {"thought_tokens_after_turn", 0},
               {"thought_tokens_speaking", 0},
               {"tokens_wasted", 0}};
  for (const TurnSummary& turn : summary.turns) {
    if (last == &kNone || turn.v2v_ms() >= 0) last = &turn;
    join(transcript, turn.trace.transcript);
    join(answer, turn.trace.answer);
    turns.push_back(TurnObject(turn, summary.simulated));
    for (auto& [key, value] : sums.items()) {
      value = value.get<int64_t>() + turns.back()[key].get<int64_t>();
    }
  }
  const Json one = TurnObject(*last, summary.simulated);
  Json line = {{"event", "summary"}, {"transcript", transcript}, {"answer", answer}};
  for (const char* key :
       {"v2v_ms", "endpoint_ms", "first_token_ms", "first_clause_ms", "synthesis_ms"}) {
    line[key] = one[key];
  }
  for (auto& [key, value] : sums.items()) line[key] = value;
  line["load_ms"] = Round(summary.load_ms);
  line["input_ms"] = Round(summary.input_ms);
  line["peak_memory_mb"] = Round(static_cast<double>(PeakResidentBytes()) / 1e6);
  line["underruns"] = summary.underruns;
  line["stale_dropped"] = summary.session.stale_dropped;
  if (summary.no_speech) line["reason"] = "no_speech";
  if (!summary.mind.empty()) {
    for (const auto& [key, value] : summary.mind) line["mind"][key] = value;
  }
  line["turns"] = std::move(turns);
  line["engine"] = EngineObject(engine);
  WriteJsonLine(file_.get(), line);
}

void JsonTrace::WriteError(double t_ms, const Error& error) {
  const Json line = {{"t_ms", Round(t_ms)},
                     {"event", "error"},
                     {"code", CodeName(error.code)},
                     {"message", error.message}};
  WriteJsonLine(file_.get(), line);
}

}  // namespace parley::app

// SPDX-License-Identifier: Apache-2.0
#include "app/perfetto_trace.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace parley::app {
namespace {

using Json = nlohmann::ordered_json;

void Put(std::FILE* file, const Json& event) { WriteJsonLine(file, event, ",\n"); }

}  // namespace

Result<PerfettoTrace> PerfettoTrace::Open(const std::string& path) {
  PARLEY_TRY(JsonFile file, OpenJsonFile(path));
  return PerfettoTrace(std::move(file), path);
}

PerfettoTrace::PerfettoTrace(JsonFile file, std::string path)
    : file_(std::move(file)), path_(std::move(path)) {
  std::fputs("[\n", file_.get());
  static constexpr std::pair<Lane, const char*> kLanes[] = {
      {Lane::kYou, "you"},
      {Lane::kHears, "hears"},
      {Lane::kThinksListening, "thinks while listening"},
      {Lane::kThinksGap, "thinks in the gap"},
      {Lane::kThinksSpeaking, "thinks while speaking"},
      {Lane::kSpeaks, "speaks"}};
  for (const auto& [lane, name] : kLanes) {
    const int id = static_cast<int>(lane);
    Put(file_.get(), {{"ph", "M"},
                      {"pid", 1},
                      {"tid", id},
                      {"name", "thread_name"},
                      {"args", {{"name", name}}}});
    Put(file_.get(), {{"ph", "M"},
                      {"pid", 1},
                      {"tid", id},
                      {"name", "thread_sort_index"},
                      {"args", {{"sort_index", id}}}});
  }
}

Status PerfettoTrace::Finish() {
  const Json last = {
      {"ph", "M"}, {"pid", 1}, {"name", "process_name"}, {"args", {{"name", "parley"}}}};
  WriteJsonLine(file_.get(), last, "\n]\n");
  if (std::ferror(file_.get()) == 0) return {};
  return Fail(Code::kIo, path_ + ": the trace could not be written to its end; is the disk full?");
}

void PerfettoTrace::Slice(Lane lane, const std::string& name, Time begin, Duration length,
                          const std::string& text) {
  Put(file_.get(), {{"ph", "X"},
                    {"pid", 1},
                    {"tid", static_cast<int>(lane)},
                    {"name", name},
                    {"ts", begin.time_since_epoch().count()},
                    {"dur", length.count()},
                    {"args", {{"text", text}}}});
}

void PerfettoTrace::Instant(Lane lane, const std::string& name, Time at, const std::string& text) {
  Put(file_.get(), {{"ph", "i"},
                    {"s", "t"},
                    {"pid", 1},
                    {"tid", static_cast<int>(lane)},
                    {"name", name},
                    {"ts", at.time_since_epoch().count()},
                    {"args", {{"text", text}}}});
}

void PerfettoTrace::Write(const realtime::Event& event) {
  const Time t = event.at;
  if (std::holds_alternative<realtime::SpeechStarted>(event.what)) {
    speech_began_ = t;
    speaking_ = true;
  } else if (const auto* end = std::get_if<realtime::TurnEnded>(&event.what)) {
    if (speaking_) Slice(Lane::kYou, "turn", speech_began_, t - speech_began_, end->reason);
    speaking_ = false;
  } else if (std::holds_alternative<realtime::Paused>(event.what)) {
    Instant(Lane::kYou, "pause", t, "");
  } else if (std::holds_alternative<realtime::Resumed>(event.what)) {
    Instant(Lane::kYou, "resume", t, "");
  } else if (const auto* heard = std::get_if<realtime::Heard>(&event.what)) {
    Instant(Lane::kHears, heard->final ? "final" : "partial", t, heard->text);
  } else if (const auto* thought = std::get_if<realtime::Thought>(&event.what)) {
    const Lane lane = thought->when == realtime::ThoughtWhile::kListening ? Lane::kThinksListening
                      : thought->when == realtime::ThoughtWhile::kGap     ? Lane::kThinksGap
                                                                          : Lane::kThinksSpeaking;
    Instant(lane, "thought", t, std::string(thought->text.ForTrace()));
  } else if (const auto* say = std::get_if<realtime::Say>(&event.what)) {
    Instant(Lane::kSpeaks, "clause", t, say->text);
  } else if (const auto* audio = std::get_if<realtime::AudioOut>(&event.what)) {
    // Chunks are sent ahead of their playing: each is drawn where it is heard.
    const Time begin = std::max(t, audio_until_);
    const auto length = Duration(static_cast<int64_t>(audio->samples.size()) * 1000000 /
                                 std::max(1, audio->sample_rate_hz));
    Slice(Lane::kSpeaks, "sound", begin, length, "");
    audio_until_ = begin + length;
  } else if (const auto* barge = std::get_if<realtime::BargedIn>(&event.what)) {
    Instant(Lane::kYou, "interrupts", t, barge->heard_text);
    audio_until_ = t;
  } else if (const auto* failed = std::get_if<realtime::Failed>(&event.what)) {
    Instant(Lane::kSpeaks, "error", t, failed->error.message);
  }
}

}  // namespace parley::app

// SPDX-License-Identifier: Apache-2.0
#include "app/timeline.h"

#include <algorithm>
#include <cinttypes>
#include <string_view>

namespace parley::app {
namespace {

constexpr const char* kDim = "2";
constexpr const char* kBold = "1";
constexpr const char* kGreen = "32";
constexpr const char* kCyan = "36";
constexpr const char* kYellow = "33";
constexpr const char* kRed = "31";

std::string MsText(double ms) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.0f ms", ms);
  return text;
}

std::string OneLine(std::string_view text) {
  std::string line;
  for (const char c : text) line += c == '\n' ? ' ' : c;
  while (line.ends_with(' ')) line.pop_back();
  line.erase(0, std::min(line.find_first_not_of(' '), line.size()));
  return line;
}

const char* WhileText(realtime::ThoughtWhile when) {
  switch (when) {
    case realtime::ThoughtWhile::kListening:
      return " (while you speak)";
    case realtime::ThoughtWhile::kGap:
      return "";
    case realtime::ThoughtWhile::kSpeaking:
      return " (while it speaks)";
  }
  return "";
}

}  // namespace

void Timeline::ClearLive() {
  if (live_) std::fputs("\r\x1b[K", out_);
  live_ = false;
}

void Timeline::Line(double t_ms, const char* lane, const char* style, const std::string& text) {
  ClearLive();
  if (colour_) {
    std::fprintf(out_, "\x1b[2m%8.2f s\x1b[0m  \x1b[%sm%-7s %s\x1b[0m\n", t_ms / 1000, style, lane,
                 text.c_str());
  } else {
    std::fprintf(out_, "%8.2f s  %-7s %s\n", t_ms / 1000, lane, text.c_str());
  }
  std::fflush(out_);
}

void Timeline::Show(const realtime::Event& event) {
  const double t = Ms(event.at);
  if (const auto* e = std::get_if<realtime::Heard>(&event.what)) {
    if (e->final) {
      Line(t, "hears", kBold, e->text);
    } else if (colour_ && e->text != last_heard_) {  // live words stay on one line
      ClearLive();
      std::fprintf(out_, "\x1b[2m%8.2f s  hears   %.100s…\x1b[0m", t / 1000, e->text.c_str());
      std::fflush(out_);
      live_ = true;
    } else if (e->text != last_heard_) {
      Line(t, "hears", kDim, e->text + " …");
    }
    last_heard_ = e->text;
  } else if (std::holds_alternative<realtime::SpeechStarted>(event.what)) {
    Line(t, "you", kDim, "start to speak");
  } else if (std::holds_alternative<realtime::Resumed>(event.what)) {
    Line(t, "you", kDim, "go on (the answer begun at the pause is dropped)");
  } else if (const auto* turn = std::get_if<realtime::TurnEnded>(&event.what)) {
    Line(t, "you", kDim, "are done (" + turn->reason + ")");
  } else if (const auto* thought = std::get_if<realtime::Thought>(&event.what)) {
    Line(t, "thinks", kCyan, OneLine(thought->text.ForTrace()) + WhileText(thought->when));
  } else if (const auto* say = std::get_if<realtime::Say>(&event.what)) {
    Line(t, "says", kGreen, say->text);
  } else if (std::holds_alternative<realtime::FirstAudio>(event.what)) {
    Line(t, "sounds", kYellow, "first sound of the answer");
  } else if (const auto* barge = std::get_if<realtime::BargedIn>(&event.what)) {
    Line(t, "you", kRed, "interrupt after: " + barge->heard_text);
  } else if (const auto* unasked = std::get_if<realtime::Unasked>(&event.what)) {
    const bool notice = unasked->why == realtime::Unasked::Why::kNotice;
    Line(t, "speaks", kDim, notice ? "unasked: a tool has a notice" : "on: nobody had said a word");
  } else if (std::holds_alternative<realtime::NoSpeech>(event.what)) {
    Line(t, "hears", kYellow, "no speech");
  } else if (const auto* failed = std::get_if<realtime::Failed>(&event.what)) {
    Line(t, "error", kRed, failed->error.message);
  }
}

void Timeline::ShowSummary(const AskSummary& summary) {
  ClearLive();
  for (const TurnSummary& turn : summary.turns) {
    const realtime::TurnTrace& t = turn.trace;
    if (turn.v2v_ms() < 0) continue;
    auto since = [&](double at) {
      return at < 0 ? std::string("-") : MsText(at - turn.speech_end_ms);
    };
    std::fprintf(out_, "\n%s%s%s from your last word to the first sound of the answer%s\n",
                 colour_ ? "\x1b[1m" : "", MsText(turn.v2v_ms()).c_str(), colour_ ? "\x1b[0m" : "",
                 summary.simulated ? " (simulated clock: not a measurement)" : "");
    std::fprintf(
        out_, "  turn end %s · transcript %s · first word %s · first clause %s · first sound %s\n",
        since(t.turn_end_ms).c_str(), since(t.transcript_ms).c_str(),
        since(t.first_token_ms).c_str(), since(t.first_clause_ms).c_str(),
        since(t.first_audio_ms).c_str());
    std::fprintf(out_,
                 "  %" PRId64 " tokens of answer, %" PRId64
                 " tokens dropped with speculation, %" PRId64 " prefilled again\n",
                 t.answer_tokens, t.tokens_wasted, t.reprefilled_tokens);
    if (t.thought_end.empty()) continue;
    std::fprintf(out_,
                 "  thought: %" PRId64 " tokens while you spoke, %" PRId64 " after, %" PRId64
                 " while it spoke; ended by %s%s%s\n",
                 t.thought_tokens_listening, t.thought_tokens_after_turn, t.thought_tokens_speaking,
                 t.thought_end == "none" ? "nobody: none was needed" : t.thought_end.c_str(),
                 t.covers > 0 ? "; the wait was covered" : "",
                 t.corrections > 0 ? "; the answer was corrected" : "");
  }
  std::fflush(out_);
}

}  // namespace parley::app

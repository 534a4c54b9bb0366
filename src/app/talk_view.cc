// SPDX-License-Identifier: Apache-2.0
#include "app/talk_view.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <variant>

namespace parley::app {
namespace {

using Phase = TalkState::Phase;

constexpr const char* kDim = "2";
constexpr const char* kBold = "1";
constexpr const char* kGreen = "32";
constexpr const char* kYellow = "33";
constexpr const char* kRed = "31";
constexpr const char* kCyanDim = "2;36";

std::string Style(const std::string& text, const char* style, bool colour) {
  if (!colour || text.empty()) return text;
  return std::string("\x1b[") + style + "m" + text + "\x1b[0m";
}

std::string Lane(const char* lane, const std::string& text, const char* style, bool colour) {
  std::array<char, 16> name{};
  std::snprintf(name.data(), name.size(), "  %-7s ", lane);
  return Style(name.data(), kDim, colour) + Style(text, style, colour);
}

std::string OneLine(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const char plain = c == '\n' || c == '\t' ? ' ' : c;
    if (plain == ' ' && (line.empty() || line.back() == ' ')) continue;
    if (static_cast<unsigned char>(plain) >= 0x20)
      line += plain;  // never an escape of somebody else
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

const char* PhaseText(const TalkState& state) {
  if (state.muted) return "muted";
  if (state.push_to_talk && !state.talking && state.phase == Phase::kListening)
    return "press space";
  switch (state.phase) {
    case Phase::kListening:
      return state.talking ? "talk, then space" : "listening";
    case Phase::kHearing:
      return "hears you";
    case Phase::kThinking:
      return "thinks";
    case Phase::kSpeaking:
      return state.lowered ? "lowers its voice" : "speaks";
  }
  return "";
}

std::string WhileText(realtime::ThoughtWhile when) {
  if (when == realtime::ThoughtWhile::kListening) return " (while you speak)";
  if (when == realtime::ThoughtWhile::kSpeaking) return " (while it speaks)";
  return "";
}

// One Apply: the lines it makes, in order.
struct Applying {
  TalkState& state;
  bool colour;
  std::vector<std::string> lines{};

  void Line(const char* lane, const std::string& text, const char* style) {
    lines.push_back(Lane(lane, text, style, colour));
  }
  void FlushSaid() {
    const std::string said = OneLine(state.saying);
    if (!said.empty()) Line("says", said, kGreen);
    state.saying.clear();
  }

  void operator()(const realtime::SpeechStarted&) {
    state.phase = Phase::kHearing;
    state.heard.clear();
    state.thought.clear();
    state.notice.clear();
  }
  void operator()(const realtime::Paused&) {}
  void operator()(const realtime::Resumed&) { state.phase = Phase::kHearing; }
  void operator()(const realtime::TurnEnded&) { state.phase = Phase::kThinking; }
  void operator()(const realtime::Heard& e) {
    state.heard = OneLine(e.text);
    if (!e.final) return;
    Line("you", state.heard, kBold);
    state.heard.clear();
  }
  void operator()(const realtime::Thought& e) {
    state.thought = OneLine(e.text.ForTrace());
    if (!state.thought.empty()) Line("thinks", state.thought + WhileText(e.when), kCyanDim);
  }
  void operator()(const realtime::Say& e) { state.saying += e.text; }
  void operator()(const realtime::FirstAudio&) { state.phase = Phase::kSpeaking; }
  void operator()(const realtime::AudioOut&) {}
  void operator()(const realtime::BargedIn& e) {
    state.saying.clear();
    const std::string heard = OneLine(e.heard_text);
    if (!heard.empty()) Line("says", heard + " …", kGreen);
    Line("", "you interrupt", kYellow);
    state.lowered = false;
    state.phase = Phase::kListening;
  }
  void operator()(const realtime::Lowered&) { state.lowered = true; }
  void operator()(const realtime::Unlowered&) { state.lowered = false; }
  void operator()(const realtime::WordsTimed&) {}
  void operator()(const realtime::AnswerSent&) {}
  void operator()(const realtime::ToolCalled& e) { Line("calls", e.name, kCyanDim); }
  void operator()(const realtime::TurnDone& e) {
    FlushSaid();
    const std::string latency = LatencyLine(e.trace);
    if (!latency.empty()) Line("", latency, kDim);
    state.lowered = false;
    // An interruption ends its turn when the next one has begun already.
    if (state.phase != Phase::kHearing) state.phase = Phase::kListening;
  }
  void operator()(const realtime::Unasked&) { state.phase = Phase::kThinking; }
  void operator()(const realtime::NoSpeech&) {
    state.phase = Phase::kListening;
    state.heard.clear();
  }
  void operator()(const realtime::Failed& e) {
    Line("error", OneLine(e.error.message), kRed);
    state.saying.clear();
    state.phase = Phase::kListening;
  }
};

std::string Ms(double ms) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.0f", ms);
  return text.data();
}

}  // namespace

std::string LatencyLine(const realtime::TurnTrace& trace) {
  if (trace.speech_end_ms < 0 || trace.first_audio_ms < 0) return "";
  std::string line =
      Ms(trace.first_audio_ms - trace.speech_end_ms) + " ms from your last word to its first sound";
  const auto part = [&](const char* name, double at_ms, const char* before) {
    if (at_ms >= 0) line += before + std::string(name) + " " + Ms(at_ms - trace.speech_end_ms);
  };
  part("turn end", trace.turn_end_ms, ": ");
  part("transcript", trace.transcript_ms, " · ");
  part("first word", trace.first_token_ms, " · ");
  part("first clause", trace.first_clause_ms, " · ");
  return line;
}

std::vector<std::string> Apply(TalkState& state, const realtime::Event& event, bool colour) {
  Applying apply{state, colour};
  std::visit(apply, event.what);
  return std::move(apply.lines);
}

std::string Meter(float level, int columns) {
  static constexpr std::array kEighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double db = 20 * std::log10(std::max(level, 1e-6F));
  const double full = std::clamp((db + 60) / 60, 0.0, 1.0) * columns;
  const int eighths = static_cast<int>(std::lround(full * 8));
  std::string meter;
  for (int i = 0; i < eighths / 8; ++i) meter += "█";
  meter += kEighths[static_cast<size_t>(eighths % 8)];
  const int used = eighths / 8 + (eighths % 8 > 0 ? 1 : 0);
  return meter + std::string(static_cast<size_t>(columns - used), ' ');
}

std::string Fit(const std::string& text, size_t columns) {
  size_t seen = 0, last = 0;  // `last`: where the character before the last column begins
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (++seen == columns) last = i;
    if (seen > columns) return columns == 0 ? "" : text.substr(0, last) + "…";
  }
  return text;
}

std::vector<std::string> Panel(const TalkState& state, const PanelStyle& style) {
  const auto width = static_cast<size_t>(std::max(style.width, 24));
  const bool colour = style.colour;
  constexpr size_t kLane = 10;
  std::vector<std::string> lines;
  const auto live = [&](const char* lane, const std::string& text, const char* how) {
    if (!text.empty()) lines.push_back(Lane(lane, Fit(text, width - kLane), how, colour));
  };
  // The end of what is being heard is what is new.
  std::string heard = state.heard;
  while (heard.size() > width - kLane - 1) heard.erase(0, heard.find(' ', 1) + 1);
  live("you", heard.empty() ? "" : heard + "…", kDim);
  live("says", OneLine(state.saying), kGreen);
  live("", state.notice, kYellow);

  std::string rule;
  for (size_t i = 0; i < width; ++i) rule += "─";
  lines.push_back(Style(rule, kDim, colour));
  const int columns = static_cast<int>(std::min<size_t>(20, (width - 24) / 2));
  lines.push_back(Fit("  you " + Meter(state.muted ? 0 : state.meters.microphone, columns) +
                          "  it " + Meter(state.meters.loudspeaker, columns) + "  " +
                          PhaseText(state),
                      width));
  std::string keys = state.push_to_talk ? (state.talking ? "  space send" : "  space talk") +
                                              std::string(" · o open microphone")
                                        : std::string("  space push to talk");
  keys += state.muted ? " · m unmute" : " · m mute";
  keys += " · s stop · q quit";
  if (state.headphones) {
    keys += "   headphones";
  } else if (state.erle_db > 0.5) {
    keys += "   echo -" + Ms(state.erle_db) + " dB";
  }
  lines.push_back(Style(Fit(keys, width), kDim, colour));
  return lines;
}

}  // namespace parley::app

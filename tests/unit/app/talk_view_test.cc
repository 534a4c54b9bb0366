// What the terminal shows, as text.
// SPDX-License-Identifier: Apache-2.0
#include "app/talk_view.h"

#include <gtest/gtest.h>

namespace parley::app {
namespace {

using realtime::Event;

template <class What>
std::string Lines(TalkState& state, What what, bool colour = false) {
  std::string text;
  for (const std::string& line : Apply(state, Event{Time{}, Epoch{}, std::move(what)}, colour)) {
    text += line + "\n";
  }
  return text;
}

std::string Shown(const TalkState& state, int width) {
  std::string text;
  for (const std::string& line : Panel(state, {.width = width, .colour = false})) {
    text += line + "\n";
  }
  return text;
}

TEST(TalkView, AWholeTurn) {
  TalkState state;
  EXPECT_EQ(Lines(state, realtime::SpeechStarted{}), "");
  EXPECT_EQ(Lines(state, realtime::Heard{"What is the capital", false}), "");
  state.meters = {.microphone = 0.1F, .loudspeaker = 0};
  EXPECT_EQ(Shown(state, 64),
            "  you     What is the capital…\n"
            "────────────────────────────────────────────────────────────────\n"
            "  you █████████████▍        it                       hears you\n"
            "  space push to talk · m mute · s stop · q quit\n");
  EXPECT_EQ(Lines(state, realtime::Thought{ThoughtText("france?\n capital = Paris"),
                                           realtime::ThoughtWhile::kListening}),
            "  thinks  france? capital = Paris (while you speak)\n");
  EXPECT_EQ(Lines(state, realtime::TurnEnded{}), "");
  EXPECT_EQ(Lines(state, realtime::Heard{"What is the capital of France?", true}),
            "  you     What is the capital of France?\n");
  EXPECT_EQ(Lines(state, realtime::Say{"The capital ", 0}), "");
  EXPECT_EQ(Lines(state, realtime::FirstAudio{}), "");
  EXPECT_EQ(Lines(state, realtime::Say{"of France is Paris.", 12}), "");
  state.meters = {.microphone = 0, .loudspeaker = 1};
  state.erle_db = 31.4;
  EXPECT_EQ(Shown(state, 64),
            "  says    The capital of France is Paris.\n"
            "────────────────────────────────────────────────────────────────\n"
            "  you                       it ████████████████████  speaks\n"
            "  space push to talk · m mute · s stop · q quit   echo -31 dB\n");
  realtime::TurnTrace trace;
  trace.speech_end_ms = 1000;
  trace.turn_end_ms = 1350;
  trace.transcript_ms = 1248;
  trace.first_token_ms = 1318;
  trace.first_clause_ms = 1349;
  trace.first_audio_ms = 1471;
  EXPECT_EQ(
      Lines(state, realtime::TurnDone{trace}),
      "  says    The capital of France is Paris.\n"
      "          471 ms from your last word to its first sound: turn end 350 · transcript 248 · "
      "first word 318 · first clause 349\n");
  EXPECT_EQ(state.phase, TalkState::Phase::kListening);
}

TEST(TalkView, AnInterruptionShowsWhatWasHeard) {
  TalkState state;
  Lines(state, realtime::Say{"One two three four", 0});
  Lines(state, realtime::Lowered{0.2F, 0});
  EXPECT_TRUE(state.lowered);
  EXPECT_EQ(Lines(state, realtime::BargedIn{"One two"}),
            "  says    One two …\n          you interrupt\n");
  EXPECT_FALSE(state.lowered);
  Lines(state, realtime::SpeechStarted{});
  EXPECT_EQ(Lines(state, realtime::TurnDone{}), "");  // of the turn before
  EXPECT_EQ(state.phase, TalkState::Phase::kHearing);
}

TEST(TalkView, ThoughtIsDimAndItsColoursEnd) {
  TalkState state;
  const std::string line =
      Lines(state, realtime::Thought{ThoughtText("hm"), realtime::ThoughtWhile::kGap}, true);
  EXPECT_EQ(line, "\x1b[2m  thinks  \x1b[0m\x1b[2;36mhm\x1b[0m\n");
}

// A model's text must not be able to move the cursor.
TEST(TalkView, EscapesOfAModelAreTakenOut) {
  TalkState state;
  EXPECT_EQ(Lines(state, realtime::Heard{"a\x1b[2Jb\rc", true}), "  you     a[2Jbc\n");
}

TEST(TalkView, PushToTalkSaysWhatTheSpaceBarDoes) {
  TalkState state;
  state.push_to_talk = true;
  EXPECT_NE(Shown(state, 70).find("press space"), std::string::npos);
  EXPECT_NE(Shown(state, 70).find("space talk · o open microphone"), std::string::npos);
  state.talking = true;
  EXPECT_NE(Shown(state, 70).find("talk, then space"), std::string::npos);
  EXPECT_NE(Shown(state, 70).find("space send"), std::string::npos);
  state.muted = true;
  EXPECT_NE(Shown(state, 70).find("muted"), std::string::npos);
  EXPECT_NE(Shown(state, 70).find("m unmute"), std::string::npos);
}

TEST(TalkView, EveryLineFitsIntoTheWindow) {
  TalkState state;
  state.heard = std::string(300, 'x') + " and some more words";
  state.saying = "ä" + std::string(500, 'y');
  state.notice = std::string(200, 'z');
  state.erle_db = 30;
  for (const int width : {24, 40, 80, 200}) {
    for (const std::string& line : Panel(state, {.width = width, .colour = false})) {
      size_t columns = 0;
      for (const char c : line) columns += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
      EXPECT_LE(columns, static_cast<size_t>(width)) << line;
    }
  }
}

TEST(TalkView, MetersAreLogarithmic) {
  EXPECT_EQ(Meter(0, 4), "    ");
  EXPECT_EQ(Meter(1, 4), "████");
  EXPECT_EQ(Meter(0.0316228F, 4), "██  ");  // -30 of -60 dB
  EXPECT_EQ(Meter(0.05F, 4), "██▎ ");
}

TEST(TalkView, FitCountsCharactersNotBytes) {
  EXPECT_EQ(Fit("äöü", 3), "äöü");
  EXPECT_EQ(Fit("äöüx", 3), "äö…");
  EXPECT_EQ(Fit("", 3), "");
}

TEST(LatencyLine, NamesWhatIsKnown) {
  realtime::TurnTrace trace;
  EXPECT_EQ(LatencyLine(trace), "");
  trace.speech_end_ms = 100;
  trace.first_audio_ms = 700;
  EXPECT_EQ(LatencyLine(trace), "600 ms from your last word to its first sound");
}

}  // namespace
}  // namespace parley::app

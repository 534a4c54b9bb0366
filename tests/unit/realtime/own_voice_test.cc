// SPDX-License-Identifier: Apache-2.0
#include "realtime/turn/own_voice.h"

#include <gtest/gtest.h>

#include "realtime/speak/playback_ledger.h"
#include "realtime/turn/turn_taker.h"

namespace parley::realtime {
namespace {

constexpr const char* kSaid = "The museum is open every day except Monday, says Dr. Smith";

TEST(IsOwnVoice, KnowsWhatWasJustSaid) {
  EXPECT_TRUE(IsOwnVoice("open every day except", kSaid));
  EXPECT_TRUE(IsOwnVoice("Museum's open every day.", kSaid));
  EXPECT_TRUE(IsOwnVoice("every day exce", kSaid));  // cut in the middle of a word
  EXPECT_TRUE(IsOwnVoice("museum", kSaid));
}

TEST(IsOwnVoice, LetsTheUserThrough) {
  EXPECT_FALSE(IsOwnVoice("Wait, stop it", kSaid));
  EXPECT_FALSE(IsOwnVoice("what about Tuesday", kSaid));
  EXPECT_FALSE(IsOwnVoice("is it open on Sunday", kSaid));
  EXPECT_FALSE(IsOwnVoice("day", kSaid));  // too short to tell
  EXPECT_FALSE(IsOwnVoice("Monday except open", "open every day except Monday"));  // another order
  EXPECT_FALSE(IsOwnVoice("", kSaid));
  EXPECT_FALSE(IsOwnVoice("museum", ""));
}

TEST(PlaybackLedger, KnowsWhichWordsSoundWhen) {
  PlaybackLedger ledger;
  ledger.AddText("one two three");
  ledger.AddClause(ClauseId{1}, 0, 13);
  ledger.AddWord(0, 0, 3);
  ledger.AddWord(1000, 4, 7);
  ledger.AddWord(2000, 8, 13);
  EXPECT_EQ(ledger.WordsBetween(0, 5000), "one two three");
  EXPECT_EQ(ledger.WordsBetween(500, 1500), "two");
  EXPECT_EQ(ledger.WordsBetween(3000, 4000), "");
}

// An answer is playing, and a voice of `frames` frames over it says `words`.
std::string Over(int frames, bool own) {
  TurnTaker taker{TurnConfig{}};
  Time now{};
  std::string log;
  const auto keep = [&](const std::vector<turn::Action>& actions) {
    for (const turn::Action& action : actions) {
      if (std::holds_alternative<turn::BargeIn>(action)) log += "barge ";
      if (std::holds_alternative<turn::Duck>(action)) log += "duck ";
      if (std::holds_alternative<turn::Unduck>(action)) log += "unduck ";
      if (std::holds_alternative<turn::SpeechStarted>(action)) log += "start ";
    }
  };
  taker.OnAnswer(now);
  for (int i = 0; i < 100; ++i) keep(taker.OnFrame(now += kVoiceFrame, 0.1F));
  for (int i = 0; i < frames; ++i) {
    keep(taker.OnFrame(now += kVoiceFrame, 0.9F));
    if (i == 10) keep(taker.OnWords("every day except", own));
  }
  for (int i = 0; i < 30; ++i) keep(taker.OnFrame(now += kVoiceFrame, 0.1F));
  return log;
}

TEST(TurnTaker, OurOwnVoiceNeverInterrupts) {
  EXPECT_EQ(Over(60, false), "duck barge ");
  EXPECT_EQ(Over(60, true), "duck unduck ");
}

TEST(TurnTaker, OurOwnVoiceAtTheEndOfAnAnswerIsNoTurn) {
  for (const bool own : {false, true}) {
    TurnTaker taker{TurnConfig{}};
    Time now{};
    taker.OnAnswer(now);
    for (int i = 0; i < 100; ++i) taker.OnFrame(now += kVoiceFrame, 0.1F);
    for (int i = 0; i < 8; ++i) taker.OnFrame(now += kVoiceFrame, 0.9F);
    taker.OnWords("day", own);
    const std::vector<turn::Action> over = taker.AnswerOver(now);
    ASSERT_EQ(over.size(), 1U);
    EXPECT_EQ(std::holds_alternative<turn::SpeechStarted>(over[0]), !own);
  }
}

}  // namespace
}  // namespace parley::realtime

// SPDX-License-Identifier: Apache-2.0
#include "realtime/turn/interjection.h"

#include <gtest/gtest.h>

namespace parley::realtime {
namespace {

TEST(Interjection, IsReadFromItsWords) {
  const InterjectionRules rules{TurnConfig()};
  const struct {
    const char* text;
    Says says;
    int words;
  } cases[] = {{"", Says::kNothing, 0},
               {" \u2026 ", Says::kWords, 1},  // not a letter of ours: somebody's word
               {"...", Says::kNothing, 0},
               {"Mhm.", Says::kBackchannel, 1},
               {"Mm-hmm.", Says::kBackchannel, 2},
               {"Uh-huh, uh-huh", Says::kBackchannel, 4},
               {"yeah", Says::kBackchannel, 1},
               {"Okay, right.", Says::kBackchannel, 2},
               {"I see", Says::kBackchannel, 2},
               {"yeah of course", Says::kBackchannel, 3},
               {"oh, okay, I see", Says::kBackchannel, 4},
               {"yeah yeah yeah yeah yeah", Says::kWords, 5},  // too long a row
               {"i", Says::kBackchannel, 1},                   // it may become "I see"
               {"oh i", Says::kBackchannel, 2},
               {"i want", Says::kWords, 2},
               {"ye", Says::kBackchannel, 1},
               {"n", Says::kWords, 1},
               {"yeah of c", Says::kBackchannel, 3},
               {"I see him", Says::kWords, 3},
               {"of", Says::kBackchannel, 1},  // "of course"
               {"Stop!", Says::kStop, 1},
               {"okay stop", Says::kStop, 2},
               {"No.", Says::kStop, 1},
               {"hold on", Says::kStop, 2},
               {"hold", Says::kWords, 1},
               {"What?", Says::kStop, 1},
               {"nothing", Says::kWords, 1},  // "no" is a word, not a beginning
               {"Tomorrow", Says::kWords, 1},
               {"tell me about planets", Says::kWords, 4}};
  for (const auto& c : cases) {
    const Interjection said = rules.Read(c.text);
    EXPECT_EQ(said.says, c.says) << c.text;
    EXPECT_EQ(said.words, c.words) << c.text;
  }
}

TEST(Interjection, InterruptsByWordsThenByTime) {
  const InterjectionRules rules{TurnConfig()};
  const struct {
    Says says;
    int words, voice_ms, waited_ms;
    bool boundary, interrupts;
  } cases[] = {{Says::kStop, 1, 96, 0, false, true},
               {Says::kWords, 2, 200, 0, false, true},
               {Says::kWords, 1, 447, 0, false, false},
               {Says::kWords, 1, 448, 0, false, true},
               {Says::kBackchannel, 4, 999, 500, false, false},
               {Says::kBackchannel, 1, 1000, 500, false, true},
               {Says::kBackchannel, 1, 447, 0, true, false},
               {Says::kBackchannel, 1, 448, 0, true, true},
               {Says::kNothing, 0, 999, 500, true, false},
               {Says::kNothing, 0, 1000, 500, false, true},
               {Says::kUnknown, 0, 448, 191, false, false},
               {Says::kUnknown, 0, 448, 192, false, true},
               {Says::kUnknown, 0, 448, 0, true, true},
               {Says::kUnknown, 0, 447, 0, true, false}};
  for (const auto& c : cases) {
    EXPECT_EQ(
        rules.Interrupts(
            {milliseconds(c.voice_ms), milliseconds(c.waited_ms), {c.says, c.words}, c.boundary}),
        c.interrupts)
        << static_cast<int>(c.says) << " " << c.words << " " << c.voice_ms << " " << c.boundary;
  }
}

TEST(Interjection, ASoundIsNoWord) {
  const InterjectionRules rules{TurnConfig()};
  for (const char* text : {"", "...", "Hmm.", "Mm-hmm, uh", "Uh, um...", "Oh."}) {
    EXPECT_TRUE(rules.Wordless(text)) << text;
  }
  for (const char* text : {"Yes.", "Hmm, no.", "Okay.", "uh stop", "umbrella"}) {
    EXPECT_FALSE(rules.Wordless(text)) << text;
  }
}

TEST(Interjection, SpeaksWhatTheConfigSays) {
  TurnConfig config;
  config.backchannels = "ja, genau , ach so,,";
  config.stop_words = "halt";
  const InterjectionRules rules(config);
  EXPECT_EQ(rules.Read("Ach so, ja.").says, Says::kBackchannel);
  EXPECT_EQ(rules.Read("Halt").says, Says::kStop);
  EXPECT_EQ(rules.Read("yeah").says, Says::kWords);
}

}  // namespace
}  // namespace parley::realtime

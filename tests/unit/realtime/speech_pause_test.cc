// SPDX-License-Identifier: Apache-2.0
#include "realtime/turn/speech_pause.h"

#include <gtest/gtest.h>

namespace parley::realtime {
namespace {

Time At(int64_t ms) { return Time(milliseconds(ms)); }

class SpeechPauseTest : public testing::Test {
 protected:
  void Turn(int64_t begin_ms, int64_t end_ms) {
    pause.Begin(At(begin_ms));
    pause.MayEnd(At(end_ms));
  }
  int64_t Before(int64_t begin_ms) {
    pause.Begin(At(begin_ms));
    return pause.before() / milliseconds(1);
  }
  SpeechPause pause;
};

TEST_F(SpeechPauseTest, NothingIsBeforeTheFirstWords) { EXPECT_EQ(Before(5000), 0); }

TEST_F(SpeechPauseTest, WhoInterruptsSoonGoesOn) {
  Turn(500, 1500);
  EXPECT_EQ(Before(2700), 1200);
}

TEST_F(SpeechPauseTest, WhoInterruptsLateReplies) {
  Turn(500, 1500);
  EXPECT_EQ(Before(4000), 2500);
  Turn(5000, 6000);
  EXPECT_EQ(Before(8501), 0);
}

TEST_F(SpeechPauseTest, WhoHasHeardTheAnswerReplies) {
  Turn(500, 1500);
  pause.Answered(At(2500));
  EXPECT_EQ(Before(2600), 0);
  Turn(4000, 5000);
  EXPECT_EQ(Before(6000), 1000) << "the answer before is none of this turn's";
}

TEST_F(SpeechPauseTest, AVoiceThatBeganBeforeTheEndOfTheAnswerGoesOn) {
  Turn(500, 1500);
  pause.Answered(At(2500));
  EXPECT_EQ(Before(2450), 950);
}

TEST_F(SpeechPauseTest, TheLongestOfAllThatGoesOnIsKnown) {
  Turn(500, 900);
  Turn(2100, 3000);  // 1.2 s
  EXPECT_EQ(Before(3300), 1200);
  pause.MayEnd(At(4000));
  pause.Answered(At(5000));
  EXPECT_EQ(Before(6000), 0);
  pause.MayEnd(At(7000));
  EXPECT_EQ(Before(7300), 300);
}

TEST_F(SpeechPauseTest, APauseInsideATurnIsKnownInTheNextOne) {
  Turn(500, 900);
  pause.Resume(At(1700));
  EXPECT_EQ(pause.before(), Duration::zero()) << "the turn itself hears it";
  pause.MayEnd(At(3000));
  EXPECT_EQ(Before(3250), 800);
}

TEST_F(SpeechPauseTest, AVoiceWithoutWordsIsNoSpeech) {
  Turn(500, 900);
  pause.Forget();
  EXPECT_EQ(Before(1900), 0);
}

}  // namespace
}  // namespace parley::realtime

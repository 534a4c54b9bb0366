// SPDX-License-Identifier: Apache-2.0
#include "realtime/turn/turn_taker.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace parley::realtime {
namespace {

std::string Name(const turn::Action& action) {
  static const std::vector<std::string> kNames = {"start",  "prepare", "ask",    "speculate",
                                                  "resume", "end",     "duck",   "words",
                                                  "unduck", "barge",   "reopen", "nobody"};
  return kNames.at(action.index());
}

// Feeds frames and keeps what came of them as "name@ms name@ms".
class Table {
 public:
  explicit Table(TurnConfig config = {}) : taker(config) {}

  Table& Frames(int count, float probability) {
    for (int i = 0; i < count; ++i) {
      now += kVoiceFrame;
      Keep(taker.OnFrame(now, probability));
    }
    return *this;
  }
  void Keep(const std::vector<turn::Action>& actions) {
    for (const turn::Action& action : actions) {
      if (!log.empty()) log += ' ';
      log += Name(action) + "@" + std::to_string(now.time_since_epoch().count() / 1000);
      if (const auto* ask = std::get_if<turn::AskTurnEnd>(&action)) question = ask->question;
      if (const auto* end = std::get_if<turn::TurnEnded>(&action)) ended = *end;
    }
  }
  std::string Take() { return std::exchange(log, {}); }

  TurnTaker taker;
  Time now{};
  std::string log;
  int64_t question = 0;
  turn::TurnEnded ended;
};

TEST(TurnTaker, WalksFromVoiceToTheEndOfATurn) {
  Table t;
  t.Frames(5, 0.1F).Frames(10, 0.9F);
  EXPECT_EQ(t.Take(), "start@224");
  t.Frames(3, 0.1F);
  EXPECT_EQ(t.Take(), "prepare@544 ask@576");
  t.Keep(t.taker.OnTurnProbability(t.question, 0.9));
  t.Frames(3, 0.1F);
  EXPECT_EQ(t.Take(), "speculate@640 end@672");
  EXPECT_EQ(t.ended.speech_end, Time(milliseconds(480)));
  EXPECT_EQ(t.ended.reason, "turn_model");
  EXPECT_DOUBLE_EQ(t.ended.probability, 0.9);
  EXPECT_TRUE(t.taker.answering());
}

TEST(TurnTaker, EndsWhenALateAnswerComes) {
  Table t;
  t.Frames(10, 0.9F).Frames(12, 0.1F);
  EXPECT_EQ(t.Take(), "start@64 prepare@384 ask@416 speculate@480");
  t.Keep(t.taker.OnTurnProbability(t.question, 0.6));
  EXPECT_EQ(t.Take(), "end@704");
}

TEST(TurnTaker, PatienceEndsWhatTheDetectorCallsUnfinished) {
  Table t;
  t.Frames(10, 0.9F).Frames(4, 0.1F);
  t.Keep(t.taker.OnTurnProbability(t.question, 0.1));
  t.Take();
  t.Frames(30, 0.1F);
  EXPECT_EQ(t.Take(), "speculate@480 end@1120");
  EXPECT_EQ(t.ended.reason, "timeout");
}

TEST(TurnTaker, AnAnswerToAnOlderQuestionIsNothing) {
  Table t;
  t.Frames(10, 0.9F).Frames(4, 0.1F);
  const int64_t old = t.question;
  t.Frames(5, 0.9F).Frames(7, 0.1F);
  t.Take();
  t.Keep(t.taker.OnTurnProbability(old, 0.99));
  EXPECT_EQ(t.Take(), "");
  t.Keep(t.taker.OnTurnProbability(t.question, 0.99));
  EXPECT_EQ(t.Take(), "end@832");
}

TEST(TurnTaker, AVoiceResumesAPause) {
  Table t;
  t.Frames(10, 0.9F).Frames(6, 0.1F).Frames(2, 0.9F);
  EXPECT_EQ(t.Take(), "start@64 prepare@384 ask@416 speculate@480 resume@576");
}

TEST(TurnTaker, ABlipNeitherResumesNorRestartsTheSilence) {
  Table t;
  t.Frames(10, 0.9F).Frames(3, 0.1F);
  t.Keep(t.taker.OnTurnProbability(t.question, 0.9));
  t.Frames(1, 0.9F).Frames(1, 0.1F).Frames(1, 0.9F);
  t.Take();
  t.Frames(1, 0.1F);
  EXPECT_EQ(t.Take(), "end@544");  // not while the blip might have been a voice
}

TEST(TurnTaker, HysteresisKeepsAFadingVoice) {
  Table t;
  t.Frames(4, 0.9F).Frames(20, 0.4F);
  EXPECT_EQ(t.Take(), "start@64");
  t.Frames(2, 0.3F);
  EXPECT_EQ(t.Take(), "prepare@832");
}

TEST(TurnTaker, HysteresisNeedsMoreToBegin) {
  Table t;
  t.Frames(100, 0.49F);
  EXPECT_EQ(t.Take(), "");
}

TEST(TurnTaker, GivesUpOnceUntilTheNextVoice) {
  TurnConfig config;
  config.give_up_ms = 1000;
  Table t(config);
  t.Frames(200, 0.1F);
  EXPECT_EQ(t.Take(), "nobody@1024");
}

Table Answering(const TurnConfig& config, bool heard) {
  Table t(config);
  t.Frames(10, 0.9F).Frames(4, 0.1F);
  t.Keep(t.taker.OnTurnProbability(t.question, 0.9));
  t.Frames(4, 0.1F);
  if (heard) t.taker.AnswerHeard(t.now - milliseconds(5000));  // it plays for a while
  t.Take();
  return t;
}

TEST(TurnTaker, AVoiceBeforeTheAnswerOpensTheTurnAgain) {
  Table t = Answering({}, false);
  t.Frames(2, 0.9F);
  EXPECT_EQ(t.Take(), "reopen@640");
  t.Frames(4, 0.1F);
  EXPECT_EQ(t.Take(), "prepare@704 ask@736");
}

TEST(TurnTaker, AVoiceDuringTheAnswerDucksThenStops) {
  Table t = Answering({}, true);
  t.Frames(9, 0.9F);
  EXPECT_EQ(t.Take(), "duck@672 words@832");
  t.Keep(t.taker.OnWords("tomorrow"));
  EXPECT_EQ(t.Take(), "");  // one word, and not yet enough voice
  t.Frames(11, 0.9F);
  EXPECT_EQ(t.Take(), "barge@1024");
  EXPECT_TRUE(t.taker.user_speaks());
}

TEST(TurnTaker, ADecisionWaitsALittleForTheWords) {
  Table t = Answering({}, true);
  t.Frames(19, 0.9F);
  EXPECT_EQ(t.Take(), "duck@672 words@832");  // enough voice at 1024, no word is known
  t.Frames(1, 0.9F);
  EXPECT_EQ(t.Take(), "barge@1216");
}

TEST(TurnTaker, WordsThatComeWhileItWaitsDecide) {
  Table t = Answering({}, true);
  t.Frames(16, 0.9F);
  t.Take();
  t.Keep(t.taker.OnWords("no"));
  EXPECT_EQ(t.Take(), "barge@1088");
}

TEST(TurnTaker, ABackchannelIsNotStoppedFor) {
  Table t = Answering({}, true);
  t.Frames(9, 0.9F);
  t.Keep(t.taker.OnWords("Mm-hmm. Right,"));
  t.Frames(10, 0.9F).Frames(3, 0.1F);
  EXPECT_EQ(t.Take(), "duck@672 words@832 words@1088 words@1248");
  t.Keep(t.taker.OnWords("Mm-hmm. Right, I see."));
  t.Frames(10, 0.1F);
  EXPECT_EQ(t.Take(), "unduck@1504");
}

TEST(TurnTaker, ALongBackchannelIsNone) {
  Table t = Answering({}, true);
  t.Frames(9, 0.9F);
  t.Keep(t.taker.OnWords("yeah"));
  t.Frames(40, 0.9F);
  EXPECT_EQ(t.Take(), "duck@672 words@832 words@1088 barge@1600");
}

TEST(TurnTaker, ABackchannelThatGrowsIntoWordsStops) {
  Table t = Answering({}, true);
  t.Frames(9, 0.9F);
  t.Keep(t.taker.OnWords("yeah"));
  t.Frames(8, 0.9F);
  t.Take();
  t.Keep(t.taker.OnWords("yeah my sister"));
  EXPECT_EQ(t.Take(), "barge@1120");
}

TEST(TurnTaker, NearTheBeginningAndTheEndThereAreNoBackchannels) {
  for (const bool end : {false, true}) {
    Table t = Answering({}, false);
    t.taker.AnswerHeard(t.now - milliseconds(end ? 5000 : 500));
    if (end) t.taker.AnswerEnds(t.now + milliseconds(900));
    t.Frames(9, 0.9F);
    t.Keep(t.taker.OnWords("yeah"));
    t.Frames(7, 0.9F);
    EXPECT_EQ(t.Take(), "duck@672 words@832 barge@1024") << end;
  }
}

TEST(TurnTaker, AShortWordJustBeforeTheEndIsATurnWhenTheAnswerIsOver) {
  Table t = Answering({}, true);
  t.taker.AnswerEnds(t.now + milliseconds(900));
  t.Frames(6, 0.9F).Frames(4, 0.1F);
  t.Keep(t.taker.OnWords("yes"));
  t.Frames(18, 0.1F);
  EXPECT_EQ(t.Take(), "duck@672 words@832");  // not restored
  t.Keep(t.taker.AnswerOver(t.now));
  EXPECT_EQ(t.Take(), "start@1472");
}

TEST(TurnTaker, ACoughJustBeforeTheEndIsNothing) {
  Table t = Answering({}, true);
  t.taker.AnswerEnds(t.now + milliseconds(900));
  t.Frames(6, 0.9F).Frames(4, 0.1F);
  t.Keep(t.taker.OnWords(""));
  t.Frames(18, 0.1F);
  EXPECT_EQ(t.Take(), "duck@672 words@832 unduck@1088");
}

TEST(TurnTaker, AFalseAlarmRestoresTheAnswer) {
  Table t = Answering({}, true);
  t.Frames(5, 0.9F).Frames(3, 0.1F);
  EXPECT_EQ(t.Take(), "duck@672 words@800");
  t.Keep(t.taker.OnWords(""));
  t.Frames(17, 0.1F);
  EXPECT_EQ(t.Take(), "unduck@1056");
  t.Frames(5, 0.9F);
  EXPECT_EQ(t.Take(), "duck@1472");
}

TEST(TurnTaker, RestoringWaitsForTheWordsAndNotForEver) {
  Table t = Answering({}, true);
  t.Frames(5, 0.9F).Frames(20, 0.1F);
  EXPECT_EQ(t.Take(), "duck@672 words@800 unduck@1248");
}

TEST(TurnTaker, AShortStopThatIsOverWhenItIsUnderstoodStops) {
  Table t = Answering({}, true);
  t.Frames(5, 0.9F).Frames(9, 0.1F);
  t.Take();
  t.Keep(t.taker.OnWords("Stop!"));
  EXPECT_EQ(t.Take(), "barge@1024");
  t.Frames(1, 0.1F);
  EXPECT_EQ(t.Take(), "prepare@1056 ask@1056 speculate@1056");
}

TEST(TurnTaker, VoiceOfABackchannelDoesNotAddUpForEver) {
  Table t = Answering({}, true);
  for (int i = 0; i < 5; ++i) t.Frames(5, 0.9F).Frames(17, 0.1F);
  EXPECT_EQ(t.Take().find("barge"), std::string::npos);
}

TEST(TurnTaker, WordsStopAnAnswerAtOnce) {
  Table t = Answering({}, true);
  t.Keep(t.taker.OnWords("tell me more please"));
  EXPECT_EQ(t.Take(), "");  // nobody has spoken
  t.Frames(4, 0.9F);
  t.Take();
  t.Keep(t.taker.OnWords("planets"));
  EXPECT_EQ(t.Take(), "");
  t.Keep(t.taker.OnWords("planets please"));
  EXPECT_EQ(t.Take(), "barge@704");
}

TEST(TurnTaker, AVoiceThatOutlivesTheAnswerIsATurn) {
  Table t = Answering({}, true);
  t.Frames(4, 0.9F);
  t.Take();
  t.Keep(t.taker.AnswerOver(t.now));
  EXPECT_EQ(t.Take(), "start@704");
}

TEST(TurnTaker, CommitEndsATurnUnderItsVoiceAndForgetsTheRestOfIt) {
  Table t;
  t.Frames(10, 0.9F);
  t.Take();
  t.Keep(t.taker.OnCommit());
  EXPECT_EQ(t.Take(), "prepare@320 end@320");
  t.Frames(10, 0.9F);  // the same voice fades out: nobody interrupts
  EXPECT_EQ(t.Take(), "");
  t.Frames(2, 0.1F).Frames(2, 0.9F);
  EXPECT_EQ(t.Take(), "reopen@768");
}

TEST(TurnTaker, CommitWithoutATurnIsNothing) {
  Table t;
  t.Frames(10, 0.1F);
  t.Keep(t.taker.OnCommit());
  EXPECT_EQ(t.Take(), "");
}

// The past is never revised: however a stream of frames goes on, what came of its beginning stays.
TEST(TurnTaker, DecidesFromWhatWasHeard) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> probability(0, 1);
  for (int round = 0; round < 200; ++round) {
    Table a, b;
    const int shared = 40 + round;
    float p = 0;
    for (int i = 0; i < shared; ++i) {
      if (i % 5 == 0) p = probability(random);
      a.Frames(1, p);
      b.Frames(1, p);
    }
    ASSERT_EQ(a.log, b.log);
    const std::string before = a.log;
    a.Frames(20, 0.9F);
    b.Frames(20, 0.1F);
    EXPECT_EQ(a.log.substr(0, before.size()), before);
    EXPECT_EQ(b.log.substr(0, before.size()), before);
  }
}

}  // namespace
}  // namespace parley::realtime

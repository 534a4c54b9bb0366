// SPDX-License-Identifier: Apache-2.0
#include "realtime/listen/listener.h"

#include <gtest/gtest.h>

#include <optional>

namespace parley::realtime {
namespace {

constexpr int64_t kFrame = 512;

model::Transcript Text(std::string text) {
  model::Transcript t;
  t.text = std::move(text);
  return t;
}

// What the actions say, newest of each kind.
struct Outcome {
  std::optional<listen::Transcribe> request;
  std::optional<listen::FindQuiet> quiet;
  std::optional<std::string> stable, live, complete;
};

Outcome See(const std::vector<listen::Action>& actions) {
  Outcome o;
  for (const auto& action : actions) {
    if (const auto* a = std::get_if<listen::Transcribe>(&action)) o.request = *a;
    if (const auto* a = std::get_if<listen::FindQuiet>(&action)) o.quiet = *a;
    if (const auto* a = std::get_if<listen::Stable>(&action)) o.stable = a->text;
    if (const auto* a = std::get_if<listen::Live>(&action)) o.live = a->text;
    if (const auto* a = std::get_if<listen::Complete>(&action)) o.complete = a->text;
  }
  return o;
}

class ListenerTest : public testing::Test {
 protected:
  // Lets time pass until something is asked.
  listen::Transcribe Next() {
    for (int i = 0; i < 1000; ++i) {
      now += kFrame;
      const Outcome o = See(listener.OnSound(now, true));
      if (o.request) return *o.request;
    }
    ADD_FAILURE() << "nothing was asked";
    return {};
  }

  ListenConfig config;
  Listener listener{config};
  int64_t now = 16000;
};

TEST_F(ListenerTest, WordsAreStableWhenTwoHypothesesAgreeAndAnotherFollows) {
  listener.Begin(16000, 0);
  Outcome o = See(listener.OnTranscript(Next().request, Text("How many")));
  EXPECT_EQ(o.live, "How many");
  EXPECT_FALSE(o.stable);
  o = See(listener.OnTranscript(Next().request, Text("how many con")));
  EXPECT_EQ(o.stable, "how many");
  o = See(listener.OnTranscript(Next().request, Text("How many conference tracks")));
  EXPECT_FALSE(o.stable);  // "con" and "conference" differ: nothing new is agreed on
  o = See(listener.OnTranscript(Next().request, Text("How many conference tracks are")));
  EXPECT_EQ(o.stable, "How many conference tracks");
}

TEST_F(ListenerTest, SaysByWhenAStableWordWasHeard) {
  const auto heard_until = [](const std::vector<listen::Action>& actions) -> int64_t {
    for (const auto& action : actions) {
      if (const auto* a = std::get_if<listen::Stable>(&action)) return a->heard_until;
    }
    return -1;
  };
  listener.Begin(16000, 0);
  const auto first = Next();
  listener.OnTranscript(first.request, Text("How many"));
  const auto second = Next();
  EXPECT_EQ(heard_until(listener.OnTranscript(second.request, Text("How many con"))), first.end);
  const auto third = Next();
  listener.OnTranscript(third.request, Text("How many conference tracks are"));
  const auto fourth = Next();
  EXPECT_EQ(
      heard_until(listener.OnTranscript(fourth.request, Text("How many conference tracks are"))),
      third.end);
  // What a window ends with was heard by the window's end.
  now += 9 * 16000;
  const Outcome pause = See(listener.OnPause(now));
  ASSERT_TRUE(pause.request);
  const std::string whole = "How many conference tracks are there";
  EXPECT_EQ(heard_until(listener.OnTranscript(pause.request->request, Text(whole))), third.end);
  EXPECT_EQ(heard_until(listener.OnResume(now + 8000)), pause.request->end);
}

TEST_F(ListenerTest, TheLastWordIsNeverStable) {
  listener.Begin(16000, 0);
  listener.OnTranscript(Next().request, Text("stop"));
  EXPECT_FALSE(See(listener.OnTranscript(Next().request, Text("stop"))).stable);
}

TEST_F(ListenerTest, AsksAtMostOnceAtATimeAndSeldomerInALongTurn) {
  config.partial_share = 0.25F;
  config.window_ms = 28000;
  Listener pacing(config);
  pacing.Begin(16000, 0);
  int64_t last = 16000;
  int64_t shortest = 1 << 30, longest = 0;
  for (int i = 0; i < 9; ++i) {
    Outcome asked;
    while (!asked.request) asked = See(pacing.OnSound(now += kFrame, true));
    for (int k = 0; k < 10; ++k) {
      EXPECT_FALSE(See(pacing.OnSound(now += kFrame, true)).request) << "two at a time";
    }
    const int64_t gap = asked.request->end - last;
    last = asked.request->end;
    shortest = std::min(shortest, gap);
    longest = std::max(longest, gap);
    pacing.OnTranscript(asked.request->request, Text("a b c"));
  }
  EXPECT_LE(shortest, 8000 + kFrame);
  EXPECT_GT(longest, 2 * shortest);
}

TEST_F(ListenerTest, HearsALittleBeforeTheVoiceButNothingOfAnEarlierTurn) {
  listener.Begin(100000, 0);
  EXPECT_EQ(listener.begin(), 100000 - 320 * 16);
  listener.Begin(100000, 99000);
  EXPECT_EQ(listener.begin(), 99000);
  listener.Begin(100, 0);
  EXPECT_EQ(listener.begin(), 0);
}

TEST_F(ListenerTest, APauseAsksForTheWholeTurnAndSupersedesAPartial) {
  listener.Begin(16000, 0);
  const auto partial = Next();
  const Outcome o = See(listener.OnPause(now));
  ASSERT_TRUE(o.request);
  EXPECT_TRUE(o.request->urgent);
  EXPECT_EQ(o.request->begin, partial.begin);
  EXPECT_FALSE(See(listener.OnTranscript(partial.request, Text("old"))).live);
  EXPECT_EQ(listener.stale(), 1);
  EXPECT_EQ(See(listener.OnTranscript(o.request->request, Text("How many tracks?"))).complete,
            "How many tracks?");
}

TEST_F(ListenerTest, AFailedPartialIsRepeated) {
  listener.Begin(16000, 0);
  const auto first = Next();
  listener.OnFailed(first.request);
  EXPECT_GT(Next().request, first.request);
}

TEST_F(ListenerTest, NoWordsCompleteToNothing) {
  listener.Begin(16000, 0);
  const Outcome asked = See(listener.OnPause(now + 8000));
  const Outcome o = See(listener.OnTranscript(asked.request->request, Text("[BLANK_AUDIO]")));
  EXPECT_EQ(o.complete, "");
  EXPECT_FALSE(o.live);
}

TEST_F(ListenerTest, AfterAPauseALongTurnBeginsItsWindowAnew) {
  listener.Begin(16000, 0);
  now = 16000 + 9 * 16000;
  const Outcome pause = See(listener.OnPause(now));
  listener.OnTranscript(pause.request->request, Text("the first part."));
  const Outcome o = See(listener.OnResume(now + 16000));
  EXPECT_EQ(o.stable, "the first part.");
  now += 16000;
  const auto request = Next();
  EXPECT_EQ(request.begin, now - (request.end - request.begin));
  EXPECT_GE(request.begin, 16000 + 9 * 16000);
  EXPECT_EQ(See(listener.OnTranscript(request.request, Text("and the"))).live,
            "the first part. and the");
}

TEST_F(ListenerTest, AShortTurnKeepsItsWindowAfterAPause) {
  listener.Begin(16000, 0);
  now = 16000 + 3 * 16000;
  const Outcome pause = See(listener.OnPause(now));
  listener.OnTranscript(pause.request->request, Text("the first part."));
  listener.OnResume(now + 16000);
  now += 16000;
  EXPECT_EQ(Next().begin, 16000 - 320 * 16);
}

TEST_F(ListenerTest, AFullWindowIsCutWhereItIsQuiet) {
  listener.Begin(16000, 0);
  std::optional<listen::FindQuiet> quiet;
  for (int i = 0; i < 1000 && !quiet; ++i) {
    now += kFrame;
    const Outcome o = See(listener.OnSound(now, true));
    if (o.request) listener.OnTranscript(o.request->request, Text("a b c d"));
    quiet = o.quiet;
  }
  ASSERT_TRUE(quiet);
  EXPECT_GT(quiet->begin, 16000);
  EXPECT_LE(quiet->end, now);
  const Outcome cut = See(listener.CutAt(quiet->begin + 8000));
  ASSERT_TRUE(cut.request);
  EXPECT_EQ(cut.request->end, quiet->begin + 8000);
  EXPECT_EQ(See(listener.OnTranscript(cut.request->request, Text("a b c d e"))).stable,
            "a b c d e");
  EXPECT_EQ(Next().begin, quiet->begin + 8000);
}

TEST_F(ListenerTest, AnAnswerForAnEarlierTurnIsDropped) {
  listener.Begin(16000, 0);
  const auto old = Next();
  listener.Begin(now + 16000, now);
  EXPECT_FALSE(See(listener.OnTranscript(old.request, Text("old words"))).live);
  EXPECT_EQ(listener.stale(), 1);
}

}  // namespace
}  // namespace parley::realtime

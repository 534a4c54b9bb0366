// SPDX-License-Identifier: Apache-2.0
#include "realtime/speak/speaker.h"

#include <gtest/gtest.h>

#include "unit/realtime/answer_maker.h"

namespace parley::realtime {
namespace {

constexpr int kRate = 24000;

class SpeakerTest : public testing::Test {
 protected:
  struct Seen {
    std::vector<std::string> say, synthesize;
    std::vector<ClauseId> clauses;
    std::vector<speak::Send> sent;
    std::vector<Time> wake;
    std::vector<WordTime> words;
    bool over = false;
  };
  Seen See(const std::vector<speak::Action>& actions) {
    Seen seen;
    for (const auto& action : actions) {
      if (const auto* a = std::get_if<speak::Say>(&action)) seen.say.push_back(a->text);
      if (const auto* a = std::get_if<speak::Synthesize>(&action)) {
        seen.synthesize.emplace_back(a->text.view());
        seen.clauses.push_back(a->clause);
      }
      if (const auto* a = std::get_if<speak::Send>(&action)) seen.sent.push_back(*a);
      if (const auto* a = std::get_if<speak::WakeAt>(&action)) seen.wake.push_back(a->when);
      if (const auto* a = std::get_if<speak::Words>(&action)) {
        seen.words.insert(seen.words.end(), a->words.begin(), a->words.end());
      }
      seen.over |= std::holds_alternative<speak::Over>(action);
    }
    return seen;
  }
  static tts::SpeechChunk Sound(int ms) {
    tts::SpeechChunk chunk;
    chunk.samples.assign(static_cast<size_t>(kRate * ms / 1000), 0.5F);
    return chunk;
  }
  static Time At(int ms) { return Time(milliseconds(ms)); }
  Seen Text(const char* text, int ms) {
    return See(speaker.OnText(test::MakeAnswer(text), At(ms)));
  }

  Speaker speaker{SpeakConfig(), kRate};
};

TEST_F(SpeakerTest, MakesOneClauseBeforeTheTurnHasEndedAndSendsNothing) {
  speaker.Begin();
  Seen seen = Text("Yes. It is open. Come in. ", 0);
  EXPECT_EQ(seen.synthesize, std::vector<std::string>{"Yes."});
  EXPECT_TRUE(seen.say.empty());
  seen = See(speaker.OnChunk(seen.clauses[0], Sound(500), At(50)));
  EXPECT_TRUE(seen.sent.empty());
  seen = See(speaker.OnClauseSpoken(ClauseId{1}, At(60)));
  EXPECT_TRUE(seen.synthesize.empty());
  seen = See(speaker.Release(At(100)));
  EXPECT_EQ(seen.say, (std::vector<std::string>{"Yes.", "It is open."}));
  EXPECT_EQ(seen.synthesize, std::vector<std::string>{"It is open."});
  ASSERT_EQ(seen.sent.size(), 1U);
  EXPECT_EQ(seen.sent[0].samples.size(), static_cast<size_t>(kRate * 400 / 1000));
}

TEST_F(SpeakerTest, AnAnswerBeginsWithoutTheSilenceOfTheVoice) {
  const auto quiet_at_first = [] {
    tts::SpeechChunk chunk = Sound(200);
    chunk.samples.insert(chunk.samples.begin(), kRate * 50 / 1000, 0.0F);
    chunk.words = {{kRate * 10 / 1000, 0, 3}, {kRate * 90 / 1000, 4, 8}};
    return chunk;
  };
  speaker.Begin();
  speaker.Release(At(0));
  Seen seen = Text("Yes well. It is open. ", 0);
  ASSERT_EQ(seen.clauses.size(), 1U);
  seen = See(speaker.OnChunk(seen.clauses[0], quiet_at_first(), At(0)));
  ASSERT_EQ(seen.sent.size(), 1U);
  EXPECT_EQ(seen.sent[0].samples.size(), static_cast<size_t>(kRate * 205 / 1000));
  EXPECT_EQ(seen.sent[0].samples[kRate * 5 / 1000], 0.5F);
  ASSERT_EQ(seen.words.size(), 2U);
  EXPECT_EQ(seen.words[0].first_sample, 0);
  EXPECT_EQ(seen.words[1].first_sample, kRate * 45 / 1000);
  // The silence before the next clause is its pause.
  seen = See(speaker.OnClauseSpoken(ClauseId{1}, At(0)));
  ASSERT_EQ(seen.clauses.size(), 1U);
  seen = See(speaker.OnChunk(seen.clauses[0], quiet_at_first(), At(10)));
  ASSERT_EQ(seen.words.size(), 2U);
  EXPECT_EQ(seen.words[1].first_sample, kRate * (205 + 90) / 1000);
}

TEST_F(SpeakerTest, NeverSendsFurtherAheadThanItMay) {
  speaker.Begin();
  speaker.Release(At(0));
  Seen seen = Text("Yes. ", 0);
  Time now = At(0);
  int64_t sent = 0;
  seen = See(speaker.OnChunk(seen.clauses[0], Sound(5000), now));
  for (;;) {
    for (const auto& send : seen.sent) {
      EXPECT_EQ(send.first_sample, sent);
      sent += static_cast<int64_t>(send.samples.size());
    }
    EXPECT_LE(static_cast<double>(sent) - Ms(now) * kRate / 1000, kRate * 0.4 + 1);
    if (seen.wake.empty()) break;
    now = seen.wake.back();
    seen = See(speaker.OnTime(now));
  }
  EXPECT_EQ(sent, kRate * 5);
}

TEST_F(SpeakerTest, IsOverWhenTheLastSampleHasPlayed) {
  speaker.Begin();
  speaker.Release(At(0));
  Seen seen = Text("Yes. ", 0);
  speaker.OnChunk(seen.clauses[0], Sound(300), At(50));
  speaker.OnClauseSpoken(ClauseId{1}, At(60));
  seen = See(speaker.OnTextEnd(true, At(70)));
  ASSERT_EQ(seen.wake.size(), 1U);
  EXPECT_EQ(seen.wake[0], At(350));
  EXPECT_FALSE(See(speaker.OnTime(At(349))).over);
  EXPECT_TRUE(See(speaker.OnTime(At(350))).over);
  EXPECT_EQ(speaker.ledger().Heard().chars, 4U);
}

TEST_F(SpeakerTest, SaysWhenTheListenerHadNothingToHear) {
  speaker.Begin();
  speaker.Release(At(0));
  Seen seen = Text("Yes. ", 0);
  seen = See(speaker.OnChunk(seen.clauses[0], Sound(300), At(50)));
  ASSERT_EQ(seen.sent.size(), 1U);
  EXPECT_FALSE(seen.sent[0].ran_dry) << "nobody has heard anything yet";
  seen = See(speaker.OnChunk(ClauseId{1}, Sound(100), At(350)));
  ASSERT_EQ(seen.sent.size(), 1U);
  EXPECT_FALSE(seen.sent[0].ran_dry) << "just in time";
  seen = See(speaker.OnChunk(ClauseId{1}, Sound(100), At(451)));
  ASSERT_EQ(seen.sent.size(), 1U);
  EXPECT_TRUE(seen.sent[0].ran_dry);
}

TEST_F(SpeakerTest, AChunkOfAnOldClauseIsDroppedAndCounted) {
  speaker.Begin();
  const Seen old = Text("Yes. ", 0);
  speaker.Begin();
  speaker.Release(At(10));
  EXPECT_TRUE(See(speaker.OnChunk(old.clauses[0], Sound(300), At(20))).sent.empty());
  EXPECT_EQ(speaker.stale(), 1);
}

TEST_F(SpeakerTest, LowersAndRestoresWithoutAJump) {
  speaker.Begin();
  speaker.Release(At(0));
  const Seen text = Text("Yes. ", 0);
  speaker.OnChunk(text.clauses[0], Sound(2000), At(0));
  speaker.Duck(true);
  Seen seen = See(speaker.OnTime(At(300)));
  ASSERT_EQ(seen.sent.size(), 1U);
  const auto& samples = seen.sent[0].samples;
  for (size_t i = 1; i < samples.size(); ++i)
    EXPECT_LT(std::abs(samples[i] - samples[i - 1]), 0.01F);
  EXPECT_NEAR(samples.back(), 0.5F * 0.1778F, 1e-3F);
  speaker.Duck(false);
  seen = See(speaker.OnTime(At(600)));
  EXPECT_NEAR(seen.sent[0].samples.back(), 0.5F, 1e-3F);
}

TEST_F(SpeakerTest, DoesNotSpeakFarAheadOfItsPlaying) {
  speaker.Begin();
  speaker.Release(At(0));
  Seen seen = Text("One. Two. Three. Four. ", 0);
  seen = See(speaker.OnChunk(seen.clauses[0], Sound(6000), At(0)));
  seen = See(speaker.OnClauseSpoken(ClauseId{1}, At(10)));
  EXPECT_TRUE(seen.synthesize.empty());
  for (int ms = 200; ms <= 2000; ms += 100) {
    EXPECT_TRUE(See(speaker.OnTime(At(ms))).synthesize.empty()) << ms;
  }
  EXPECT_EQ(See(speaker.OnTime(At(2100))).synthesize, std::vector<std::string>{"Two."});
}

}  // namespace
}  // namespace parley::realtime

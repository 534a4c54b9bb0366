// SPDX-License-Identifier: Apache-2.0
#include "realtime/speak/playback_ledger.h"

#include <gtest/gtest.h>

#include <random>

namespace parley::realtime {
namespace {

// "One two. Three" in two clauses; a word is 100 samples long.
PlaybackLedger TwoClauses() {
  PlaybackLedger ledger;
  for (const char* token : {"One", " two", ".", " Three"}) {
    ledger.AddText(token);
    ledger.AddToken(true);
  }
  ledger.AddClause(ClauseId{1}, 0, 8);
  ledger.AddWord(0, 0, 3);
  ledger.AddWord(100, 4, 8);
  ledger.EndClause(ClauseId{1}, 200);
  ledger.AddClause(ClauseId{2}, 9, 14);
  ledger.AddWord(200, 9, 14);
  ledger.EndClause(ClauseId{2}, 300);
  ledger.Sent(300);
  return ledger;
}

TEST(PlaybackLedger, AWordIsHeardWhenHalfOfItWasPlayed) {
  const PlaybackLedger ledger = TwoClauses();
  const struct {
    int64_t sample;
    size_t chars, tokens;
  } cases[] = {{0, 0, 0},   {50, 0, 0},  {51, 3, 1},  {100, 3, 1},  {150, 3, 1},
               {151, 8, 3}, {200, 8, 3}, {250, 8, 3}, {251, 14, 4}, {300, 14, 4}};
  for (const auto& c : cases) {
    EXPECT_EQ(ledger.CutAt(c.sample).chars, c.chars) << c.sample;
    EXPECT_EQ(ledger.CutAt(c.sample).tokens, c.tokens) << c.sample;
  }
}

TEST(PlaybackLedger, PlayedNeverRunsBackNorBeyondWhatWasSent) {
  PlaybackLedger ledger = TwoClauses();
  ledger.Played(151);
  ledger.Played(20);
  EXPECT_EQ(ledger.played(), 151);
  ledger.Played(9999);
  EXPECT_EQ(ledger.played(), 300);
  EXPECT_EQ(ledger.Heard().chars, 14U);
}

TEST(PlaybackLedger, ATokenThatStraddlesTheCutIsNotKept) {
  PlaybackLedger ledger;
  ledger.AddText("one ");
  ledger.AddToken(true);
  ledger.AddText("two three");
  ledger.AddToken(true);
  ledger.AddClause(ClauseId{1}, 0, 13);
  ledger.AddWord(0, 0, 3);
  ledger.AddWord(100, 4, 7);
  ledger.AddWord(200, 8, 13);
  ledger.EndClause(ClauseId{1}, 300);
  ledger.Sent(300);
  const HeardCut cut = ledger.CutAt(180);
  EXPECT_EQ(cut.chars, 7U);
  EXPECT_EQ(cut.tokens, 1U);
  EXPECT_EQ(cut.token_chars, 4U);  // "two" follows as text
}

TEST(PlaybackLedger, ATokenWithTextHeldBackIsNoPlaceToCut) {
  PlaybackLedger ledger;
  ledger.AddText("a");
  ledger.AddToken(true);
  ledger.AddToken(false);  // half a character, say
  ledger.AddText("\u00e9");
  ledger.AddToken(true);
  ledger.AddClause(ClauseId{1}, 0, 3);
  ledger.AddWord(0, 0, 1);
  ledger.AddWord(100, 1, 3);
  ledger.EndClause(ClauseId{1}, 200);
  ledger.Sent(200);
  EXPECT_EQ(ledger.CutAt(100).tokens, 1U);
  EXPECT_EQ(ledger.CutAt(200).tokens, 3U);
}

TEST(PlaybackLedger, SpokenIsWhatBecameClauses) {
  PlaybackLedger ledger = TwoClauses();
  ledger.AddText(" never said");
  ledger.AddToken(true);
  EXPECT_EQ(ledger.Spoken().chars, 14U);
  EXPECT_EQ(ledger.Spoken().tokens, 4U);
}

// Answers, voices and cuts at random: all four maps only grow, and name the same place.
TEST(PlaybackLedger, IsMonotoneWhateverTheVoiceReports) {
  std::mt19937 random(23);
  for (int round = 0; round < 500; ++round) {
    PlaybackLedger ledger;
    int64_t sample = 0;
    size_t begin = 0;
    for (int64_t c = 1; c <= 4; ++c) {
      const int words = 1 + static_cast<int>(random() % 6);
      std::vector<std::pair<size_t, size_t>> spans;
      for (int w = 0; w < words; ++w) {
        const size_t length = 1 + random() % 8;
        const size_t at = ledger.text().size() + (ledger.text().empty() ? 0 : 1);
        ledger.AddText((ledger.text().empty() ? "" : " ") + std::string(length, 'x'));
        ledger.AddToken(random() % 5 != 0);
        spans.emplace_back(at, at + length);
      }
      ledger.AddClause(ClauseId{c}, std::max(begin, spans.front().first), ledger.text().size());
      begin = ledger.text().size();
      const int64_t first = sample;
      for (const auto& [b, e] : spans) {
        // Voices err: now and then a word is reported early, late or beyond the text.
        const bool wild = random() % 10 == 0;
        ledger.AddWord(wild ? first + static_cast<int64_t>(random() % 4000) : sample,
                       wild ? b + random() % 5 : b, wild ? e + random() % 50 : e);
        sample += 200 + static_cast<int64_t>(random() % 2000);
      }
      if (random() % 8 != 0 || c < 4) ledger.EndClause(ClauseId{c}, sample);
      ledger.Sent(sample - static_cast<int64_t>(random() % 100));
    }
    HeardCut before;
    for (int64_t at = 0; at <= sample + 500; at += 37) {
      const HeardCut cut = ledger.CutAt(at);
      ASSERT_GE(cut.chars, before.chars);
      ASSERT_GE(cut.tokens, before.tokens);
      ASSERT_LE(cut.chars, ledger.text().size());
      ASSERT_LE(cut.token_chars, cut.chars);
      ASSERT_LE(cut.tokens, ledger.tokens());
      before = cut;
    }
  }
}

}  // namespace
}  // namespace parley::realtime

// SPDX-License-Identifier: Apache-2.0
#include "engine/stop_matcher.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "support/word_tokenizer.h"

namespace parley::engine {
namespace {

// Gives out any bytes as one token, so that a text can be split anywhere.
class PieceTokenizer final : public model::Tokenizer {
 public:
  TokenId Add(std::string piece) {
    pieces_.push_back(std::move(piece));
    return static_cast<TokenId>(pieces_.size()) - 1;
  }
  std::vector<TokenId> Encode(std::string_view, model::SpecialTokens) const override { return {}; }
  std::string_view Bytes(TokenId id) const override { return pieces_[static_cast<size_t>(id)]; }
  std::optional<TokenId> Find(std::string_view) const override { return std::nullopt; }
  bool IsSpecial(TokenId) const override { return false; }
  int32_t vocabulary() const override { return static_cast<int32_t>(pieces_.size()); }

 private:
  std::vector<std::string> pieces_;
};

TEST(StopMatcher, WithoutTextsReleasesEveryTokenAtOnce) {
  StopMatcher matcher({}, nullptr);
  EXPECT_EQ(matcher.Push(3).release, 1);
  EXPECT_EQ(matcher.held(), 0);
}

TEST(StopMatcher, HoldsWhatMayBeginAStopTextAndLetsGoWhenItIsNot) {
  PieceTokenizer pieces;
  StopMatcher matcher({"\nUser:"}, &pieces);
  EXPECT_EQ(matcher.Push(pieces.Add("yes")).release, 1);
  EXPECT_EQ(matcher.Push(pieces.Add(".\n")).release, 0);
  EXPECT_EQ(matcher.Push(pieces.Add("Us")).release, 0);
  EXPECT_EQ(matcher.held(), 2);
  EXPECT_EQ(matcher.Push(pieces.Add("ually")).release, 3);
  EXPECT_EQ(matcher.held(), 0);
}

TEST(StopMatcher, SaysWhatStandsBeforeAMatchInsideAToken) {
  PieceTokenizer pieces;
  StopMatcher matcher({"\nUser:"}, &pieces);
  EXPECT_EQ(matcher.Push(pieces.Add("yes.\nU")).release, 0);
  const StopMatcher::Outcome outcome = matcher.Push(pieces.Add("ser: I"));
  EXPECT_TRUE(outcome.matched);
  EXPECT_EQ(outcome.release, 0);
  EXPECT_EQ(outcome.text, "yes.");
}

// Against the plain meaning: find the earliest end of a stop text in the whole text, cut there.
TEST(StopMatcher, AgreesWithASearchOfTheWholeTextHoweverItIsSplit) {
  const std::vector<std::string> texts = {"abab", "bb", "caa"};
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    std::mt19937 random(seed);
    PieceTokenizer pieces;
    StopMatcher matcher(texts, &pieces);
    std::string all, delivered;
    std::vector<std::string> given;
    bool matched = false;
    for (int i = 0; i < 20 && !matched; ++i) {
      std::string piece;
      for (uint32_t n = random() % 4; n > 0; --n) piece += static_cast<char>('a' + random() % 3);
      all += piece;
      given.push_back(piece);
      const StopMatcher::Outcome outcome = matcher.Push(pieces.Add(piece));
      for (int n = 0; n < outcome.release; ++n) delivered += given[static_cast<size_t>(n)];
      given.erase(given.begin(), given.begin() + outcome.release);
      matched = outcome.matched;
      if (matched) delivered += outcome.text;
      size_t first = std::string::npos;
      for (const std::string& text : texts) first = std::min(first, all.find(text));
      ASSERT_EQ(matched, first != std::string::npos) << "seed " << seed;
      if (matched) {
        ASSERT_EQ(delivered, all.substr(0, first)) << "seed " << seed;
      } else {
        ASSERT_TRUE(all.starts_with(delivered)) << "seed " << seed;
        ASSERT_LE(all.size() - delivered.size(), 3U + 3U) << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace parley::engine

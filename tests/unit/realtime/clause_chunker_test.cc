// SPDX-License-Identifier: Apache-2.0
#include "realtime/speak/clause_chunker.h"

#include <gtest/gtest.h>

#include <random>

#include "unit/realtime/answer_maker.h"

namespace parley::realtime {
namespace {

std::vector<std::string> Chunk(const std::string& text, size_t step = 1 << 20) {
  ClauseChunker chunker{SpeakConfig()};
  std::vector<std::string> clauses;
  const auto take = [&](const std::vector<Clause>& more) {
    for (const Clause& clause : more) {
      clauses.emplace_back(clause.text.view());
      EXPECT_EQ(text.substr(clause.begin, clause.end - clause.begin), clause.text.view());
    }
  };
  for (size_t at = 0; at < text.size(); at += step) {
    take(chunker.Push(test::MakeAnswer(text.substr(at, step))));
  }
  take(chunker.Flush());
  return clauses;
}

struct Case {
  const char* text;
  std::vector<std::string> clauses;
};

TEST(ClauseChunker, CutsForTheEar) {
  const Case cases[] = {
      {"Yes. It is open.", {"Yes.", "It is open."}},
      {"The capital of France is Paris.", {"The capital of France is Paris."}},
      {"Well, you should go to the market, and then you should come home again.",
       {"Well, you should go to the market,", "and then you should come home again."}},
      {"It costs 3.14 dollars or 1,000 yen. Fine.",
       {"It costs 3.14 dollars", "or 1,000 yen.", "Fine."}},
      {"Dr. Smith lives here. So does Mr. J. Jones.",
       {"Dr. Smith lives here.", "So does Mr. J. Jones."}},
      {"See e.g. the manual. It helps.", {"See e.g. the manual.", "It helps."}},
      {"It is 5 p.m. now. Go.", {"It is 5 p.m. now.", "Go."}},
      {"He said \"stop!\" Then he left.", {"He said \"stop!\"", "Then he left."}},
      {"1. Preheat the oven.\n2. Wait.", {"1. Preheat the oven.", "2. Wait."}},
      {"First line\nSecond line", {"First line", "Second line"}},
      {"Wait\u2026 what?", {"Wait\u2026", "what?"}},
      {"one two three four five six seven eight nine ten",
       {"one two three four five six seven eight", "nine ten"}},
      {"Is it? Yes! No.", {"Is it?", "Yes!", "No."}},
      {"Visit example.com today. Bye.", {"Visit example.com today.", "Bye."}},
      {"", {}},
      {"   ", {}},
  };
  for (const Case& c : cases) EXPECT_EQ(Chunk(c.text), c.clauses) << c.text;
}

TEST(ClauseChunker, TheFirstClauseComesEarly) {
  ClauseChunker chunker{SpeakConfig()};
  EXPECT_TRUE(chunker.Push(test::MakeAnswer("The capital of France")).empty());
  EXPECT_TRUE(chunker.Push(test::MakeAnswer(" is")).empty());
  EXPECT_EQ(chunker.Push(test::MakeAnswer(" Paris. It")).size(), 1U);
}

TEST(ClauseChunker, ANumberIsWholeBeforeItIsCut) {
  ClauseChunker chunker{SpeakConfig()};
  EXPECT_TRUE(chunker.Push(test::MakeAnswer("It is 3.")).empty());
  EXPECT_TRUE(chunker.Push(test::MakeAnswer("5")).empty());
  EXPECT_EQ(chunker.Push(test::MakeAnswer(" metres. Yes")).size(), 1U);
}

TEST(ClauseChunker, AnyPushesGiveTheSameClauses) {
  std::mt19937 random(3);
  const std::vector<std::string> parts = {"Dr.",    "yes",  "no,",  "3.14", "and", "that", "1,000",
                                          "end.",   "wow!", "5:30", "\n",   "so",  "e.g.", "(ok)",
                                          "\"hm\"", "J.",   "a",    "word", "2.",  "why?"};
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (int i = 0; i < 40; ++i) text += parts[random() % parts.size()] + " ";
    const auto whole = Chunk(text);
    for (const size_t step : {1U, 2U, 3U, 7U, 16U}) EXPECT_EQ(Chunk(text, step), whole) << text;
    std::string joined;
    for (const std::string& clause : whole) joined += clause;
    std::string bare = text;
    for (std::string* s : {&joined, &bare}) {
      s->erase(std::remove_if(s->begin(), s->end(), [](char c) { return c == ' ' || c == '\n'; }),
               s->end());
    }
    EXPECT_EQ(joined, bare) << "nothing is lost and nothing is said twice";
  }
}

}  // namespace
}  // namespace parley::realtime

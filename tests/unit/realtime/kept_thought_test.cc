// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/kept_thought.h"

#include <gtest/gtest.h>

#include "support/word_tokenizer.h"

namespace parley::realtime {
namespace {

class KeptThoughtTest : public testing::Test {
 protected:
  std::string Kept(std::string_view thought, int32_t most, std::string_view before = "",
                   std::string_view behind = "") {
    const std::vector<TokenId> ids = KeptThought(thought, most, before, behind, tokenizer);
    EXPECT_LE(ids.size(), static_cast<size_t>(most));
    return tokenizer.Decode(ids);
  }
  test::WordTokenizer tokenizer;
};

TEST_F(KeptThoughtTest, AShortOneIsKeptWhole) {
  EXPECT_EQ(Kept(" red 3\nblue 4\n", 16), "red 3\nblue 4");
  EXPECT_EQ(Kept("red 3", 16, "Earlier: ", "\n"), "Earlier: red 3\n");
}

TEST_F(KeptThoughtTest, OfALongOneTheLastWholeLines) {
  EXPECT_EQ(Kept("one two three\nfour five\nsix", 5), "four five\nsix");
  EXPECT_EQ(Kept("one two three\nfour five\nsix", 4), "four five\nsix");
  EXPECT_EQ(Kept("one two three\nfour five\nsix", 3), "six");
}

TEST_F(KeptThoughtTest, OfALongLineTheLastWholeWords) {
  EXPECT_EQ(Kept("one two three four five", 3), "three four five");
  EXPECT_EQ(Kept("first line\none two three four five", 2), "four five");
}

TEST_F(KeptThoughtTest, WhatStandsAroundItCounts) {
  EXPECT_EQ(Kept("one two three", 4, "Earlier: ", "\n"), "Earlier: three\n");
  EXPECT_EQ(Kept("one two three", 3, "Earlier: ", "\n"), "");
  EXPECT_EQ(Kept("one two three", 0), "");
  EXPECT_EQ(Kept("", 64), "");
  EXPECT_EQ(Kept(" \n\n ", 64), "");
}

TEST_F(KeptThoughtTest, AnEndlessOneIsNotReadFromItsBeginning) {
  std::string endless;
  for (int i = 0; i < 100000; ++i) endless += "word ";
  EXPECT_EQ(tokenizer.Encode(Kept(endless, 64)).size(), 64U);
  EXPECT_EQ(Kept(std::string(100000, 'x'), 64), "");
}

}  // namespace
}  // namespace parley::realtime

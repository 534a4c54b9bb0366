// SPDX-License-Identifier: Apache-2.0
// What the trunk holds after words, notes, and words that were corrected; without an engine.
#include "realtime/mind/note_taker.h"

#include <gtest/gtest.h>

#include "support/talk.h"

namespace parley::realtime {
namespace {

class NoteTakerTest : public testing::Test {
 protected:
  NoteTakerTest() { trunk.Open(); }

  void Hear(const std::string& words) {
    std::vector<mind::Action> out;
    notes.Hear({.text = words, .marks = marks, .typed = false}, out);
    Do(std::move(out));
  }
  // The model writes it, and its end.
  void Write(const std::string& note) {
    ASSERT_TRUE(writing) << note;
    std::vector<mind::Action> out;
    for (const TokenId id : tokenizer->Encode(note)) {
      trunk.Took(id);
      notes.OnToken(id, out);
    }
    writing = false;
    notes.OnEnded({.reason = engine::EndReason::kStopToken, .position = trunk.size()}, out);
    Do(std::move(out));
  }
  void Do(std::vector<mind::Action> actions) {
    for (mind::Action& action : actions) {
      if (auto* back = std::get_if<mind::RollBack>(&action)) {
        trunk.RollBack(back->keep);
        ++rolled_back;
        redone += back->thought;
      } else if (auto* append = std::get_if<mind::Append>(&action)) {
        for (const TokenId id : append->ids) trunk.Took(id);
      } else if (const auto* generate = std::get_if<mind::Generate>(&action)) {
        writing = true;
        most_tokens = generate->options.max_tokens;
      }
    }
  }
  // Of the open exchange.
  std::string Held() const {
    std::string text;
    const std::vector<TokenId> ids(trunk.ids().begin() + trunk.begin(), trunk.ids().end());
    for (const TokenId id : ids) text += tokenizer->Bytes(id);
    return text;
  }

  std::shared_ptr<test::WordTokenizer> tokenizer =
      std::make_shared<test::WordTokenizer>(test::ThinkingSpecials());
  const PromptPieces pieces = test::ChatMlPieces(*tokenizer, "Be brief.");
  MindConfig config;
  Style style;
  Trunk trunk{HistoryConfig{}, 300, pieces, tokenizer};
  MindParts parts{tokenizer, pieces, style, &trunk, 2048};
  NoteFormat format{style, pieces, tokenizer};
  ThoughtForm form{tokenizer, pieces.stop, style.marks};
  Names names;
  NoteTaker notes{config, parts, format, form, names};
  std::vector<std::string> marks;
  bool writing = false;
  int32_t most_tokens = 0;  // of the note
  int rolled_back = 0;
  int64_t redone = 0;  // tokens of notes
};

TEST_F(NoteTakerTest, WordsThatAreCorrectedAreNotedAnew) {
  Hear("i have account three mice");
  Write(" mice 3");
  Hear("i have a cow three mice and two");
  EXPECT_EQ(rolled_back, 1);
  Write(" cow 1 , mice 3");
  Hear("i have a cow three mice and two ducks how many animals do");
  EXPECT_EQ(rolled_back, 1);
  Write(" ducks 2");
  const std::string corrected = Held();
  EXPECT_EQ(corrected.find("account"), std::string::npos) << corrected;
  EXPECT_NE(corrected.find(" i have a cow three mice cow 1 , mice 3 and two ducks how many"),
            std::string::npos)
      << corrected;
}

TEST_F(NoteTakerTest, OnlyWhatStandsBehindTheCorrectionIsTakenBack) {
  Hear("i have a cow and one");
  Write(" cow 1");
  const std::string first = Held();
  Hear("i have a cow and one goat for cats in my house");
  Write(" goat 1");
  Hear("i have a cow and one goat four cats in my house here");
  EXPECT_EQ(rolled_back, 1);
  EXPECT_EQ(redone, static_cast<int64_t>(tokenizer->Encode(" goat 1").size()));
  EXPECT_TRUE(Held().starts_with(first)) << Held();
  EXPECT_NE(Held().find("goat four cats"), std::string::npos) << Held();
}

TEST_F(NoteTakerTest, MarksOfTheWholeTurnStandWithItsLastWords) {
  Hear("am i speaking");
  for (const bool whole_turn : {false, true}) {
    const std::vector<std::string> slow = {"slow"};
    std::vector<mind::Action> out;
    const Answering::Prompt prompt = notes.End(
        {.text = "am i speaking too slowly", .marks = slow, .whole_turn = whole_turn}, out);
    std::string text;
    for (const TokenId id : prompt.edit.append) text += tokenizer->Bytes(id);
    // By the words, most sounded ordinary.
    EXPECT_EQ(text.find("slow]") != std::string::npos, whole_turn) << text;
  }
}

TEST_F(NoteTakerTest, WhatTheLastTranscriptCorrectsIsThoughtAboutAgainAtTheEnd) {
  Hear("i have account three mice");
  Write(" mice 3");
  const auto held = trunk.size();
  const std::string end = " and two ducks how many animals do i have";
  for (const bool lately : {true, false}) {
    std::string said = "i have a cow three mice" + end;
    if (!lately)
      said += " here in the garden";  // too much to think about again while the user waits
    std::vector<mind::Action> out;
    const Answering::Prompt prompt = notes.End({.text = said}, out);
    EXPECT_EQ(prompt.edit.keep, lately ? trunk.begin() : held);
    std::string text;
    for (const TokenId id : prompt.edit.append) text += tokenizer->Bytes(id);
    EXPECT_EQ(text.find(" a cow three mice and two ducks") != std::string::npos, lately) << text;
  }
  // It was no end: the note stands.
  EXPECT_EQ(trunk.size(), held);
  EXPECT_EQ(rolled_back, 0);
}

TEST_F(NoteTakerTest, ACountIsNotedWithWhatItCounts) {
  Hear("i have a cow and three");
  EXPECT_FALSE(writing);
  Hear("i have a cow and three mice");
  EXPECT_TRUE(writing);
}

TEST_F(NoteTakerTest, ANoteAboutManyWordsMayBeLonger) {
  Hear("i have one cow here");
  EXPECT_EQ(most_tokens, style.note_tokens);
  Write(" cow 1");
  std::string words = "you have one cow here";
  for (int i = 0; i < 5; ++i) words += " goat mouse duck";
  Hear(words);  // all of it anew
  EXPECT_EQ(rolled_back, 1);
  EXPECT_GE(most_tokens, 2 * style.note_tokens);
}

TEST_F(NoteTakerTest, AFigureForAWordIsNoCorrectionAndShorterWordsAreNone) {
  Hear("take 3 steps left then");
  Write(" x 3");
  Hear("take three steps left then turn");
  Hear("take three steps");
  EXPECT_EQ(rolled_back, 0);
}

TEST_F(NoteTakerTest, ANoteThatCalledAToolIsNotTakenBack) {
  Hear("what is seven times ate");
  std::vector<mind::Action> out;
  const auto call = tokenizer->Encode(R"({"name": "calculator", "arguments": {}})");
  trunk.Took(style.marks.tool_call);
  notes.OnToken(style.marks.tool_call, out);
  for (const TokenId id : call) {
    trunk.Took(id);
    notes.OnToken(id, out);
  }
  notes.OnEnded({.reason = engine::EndReason::kStopToken, .position = trunk.size()}, out);
  Do(std::move(out));
  out.clear();
  notes.OnToolResult({"56", false}, out);
  Do(std::move(out));
  Write(" 56");
  Hear("what is seven times eight please");
  EXPECT_EQ(rolled_back, 0);
}

}  // namespace
}  // namespace parley::realtime

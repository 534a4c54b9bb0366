// Words and how they sound: flite with our lexicon, and espeak-ng beside it where installed.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <fstream>

#include "support/paths.h"
#include "tts/arpabet.h"
#include "tts/espeak_program.h"
#include "tts/flite_g2p.h"
#include "tts/lexicon.h"

namespace parley::tts {
namespace {

std::string Sounds(Phonemizer& phonemizer, const std::string& text) {
  const std::vector<SpokenWord> words = NormalizeText(text);
  const auto sounds = phonemizer.Phonemize(words);
  EXPECT_TRUE(sounds) << sounds.error().message;
  std::string line;
  if (!sounds) return line;
  EXPECT_EQ(sounds->size(), words.size());
  for (const std::string& sound : *sounds) line += (line.empty() ? "" : " ") + sound;
  return line;
}

TEST(FliteG2p, KnowsOrdinaryWords) {
  FliteG2p g2p;
  EXPECT_EQ(Sounds(g2p, "hello"), "həlˈoʊ");
  EXPECT_EQ(Sounds(g2p, "information"), "ˌɪnfɚmˈeɪʃən");
  EXPECT_EQ(Sounds(g2p, "bird"), "bˈɜːd");
  EXPECT_EQ(Sounds(g2p, "hurry"), "hˈɜːɹi");
  EXPECT_EQ(Sounds(g2p, "about"), "ɐbˈaʊt");
  EXPECT_EQ(Sounds(g2p, "understand"), "ˌʌndɚstˈænd");
}

TEST(FliteG2p, TakesSmallWordsAndContractionsFromTheLexicon) {
  FliteG2p g2p;
  EXPECT_EQ(Sounds(g2p, "the cat"), "ðə kˈæt");
  EXPECT_EQ(Sounds(g2p, "the apple"), "ðɪ ˈæpəl");
  EXPECT_EQ(Sounds(g2p, "to eat"), "tʊ ˈiːt");
  EXPECT_EQ(Sounds(g2p, "I'm sure they don't"), "aɪm ʃˈʊɹ ðeɪ dˈoʊnt");
}

TEST(FliteG2p, SpellsLettersAndKnowsNames) {
  FliteG2p g2p;
  EXPECT_EQ(Sounds(g2p, "GPUs"), "dʒˈiː pˈiː jˈuːz");
  EXPECT_EQ(Sounds(g2p, "Siobhán met Nguyễn"), "ʃɪvˈɔːn mˈɛt wˈɪn");
  EXPECT_EQ(Sounds(g2p, "Kubernetes"), "kˌuːbɚnˈɛɾiːz");
  EXPECT_EQ(Sounds(g2p, "Claude's chatbots"), "klˈɔːdz tʃˈætbɑːts");
}

TEST(FliteG2p, HearsThePartOfSpeech) {
  FliteG2p g2p;
  EXPECT_EQ(Sounds(g2p, "they record a record"), "ðeɪ ɹəkˈɔːɹd ɐ ɹˈɛkɚd");
}

TEST(FliteG2p, GivesOneSoundForEachWordOfAnything) {
  FliteG2p g2p;
  for (const char* text :
       {"", "psst", "zzzxxq", "a b c d", "it's o'clock y'all's", "'", "1,2,3 $5"}) {
    Sounds(g2p, text);
  }
  const std::vector<SpokenWord> hostile = {
      {.text = std::string(5000, 'a')}, {.text = "''''"}, {.text = "x"}};
  const auto sounds = g2p.Phonemize(hostile);
  ASSERT_TRUE(sounds);
  EXPECT_EQ(sounds->size(), 3U);
}

TEST(Arpabet, PutsOneMainStressBeforeItsVowel) {
  const std::vector<std::string> photograph = {"f", "ow1", "t", "ax0", "g", "r", "ae1", "f"};
  EXPECT_EQ(IpaOfArpabet(photograph), "fˈoʊtəɡɹˌæf");
  EXPECT_EQ(IpaOfArpabet({}), "");
  const std::vector<std::string> unknown = {"??", "b"};
  EXPECT_EQ(IpaOfArpabet(unknown), "b");
}

TEST(Lexicon, HasEveryLetterAndOnlySoundsOfTheVoice) {
  const Lexicon lexicon;
  EXPECT_GT(lexicon.size(), 250U);
  for (char c = 'a'; c <= 'z'; ++c) EXPECT_FALSE(lexicon.LetterName(c).empty());
  EXPECT_EQ(lexicon.Find("nosuchword"), std::nullopt);
  EXPECT_EQ(lexicon.Find("llamas"), "lˈɑːməz");
  EXPECT_EQ(PluralEnding("kˈæʃ"), "ᵻz");
  EXPECT_EQ(PluralEnding("kˈæt"), "s");
}

TEST(EspeakProgram, SaysWhatToInstallWhenAbsent) {
  const auto none = EspeakProgram::Find("/no/such/espeak-ng");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kNotFound);
  EXPECT_NE(none.error().message.find("apt install espeak-ng"), std::string::npos);
}

// A stand-in that speaks the same protocol, so that the test needs no GPL program.
std::string Script(const test::TempDir& dir, const std::string& body) {
  const std::string path = dir.File("espeak");
  std::ofstream(path) << "#!/bin/sh\n" << body;
  chmod(path.c_str(), 0755);
  return path;
}

TEST(EspeakProgram, AsksOneWordALine) {
  test::TempDir dir;
  const auto espeak =
      EspeakProgram::Find(Script(dir, "while read -r w; do echo \" (en)x$w(fr) \"; done\n"));
  ASSERT_TRUE(espeak) << espeak.error().message;
  EXPECT_EQ(Sounds(**espeak, "the green GPU"), "ðə xgreen dʒˈiː pˈiː jˈuː");
}

TEST(EspeakProgram, RefusesAnswersThatDoNotFit) {
  test::TempDir dir;
  const auto dumb = EspeakProgram::Find(Script(dir, "exit 0\n"));
  ASSERT_FALSE(dumb);
  EXPECT_EQ(dumb.error().code, Code::kPeer);
  const auto chatty = EspeakProgram::Find(Script(dir, "echo a; echo b\n"));
  ASSERT_FALSE(chatty);
  EXPECT_NE(chatty.error().message.find("answered 2 lines to 1 words"), std::string::npos);
}

}  // namespace
}  // namespace parley::tts

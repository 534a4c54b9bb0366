// What a mark is, on sounds of which it is known. How often it is right on speech: tests/bench/mark_trials.py.
// SPDX-License-Identifier: Apache-2.0
#include "realtime/listen/sound_marks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

#include "realtime/listen/block_words.h"

namespace parley::realtime {
namespace {

constexpr double kRate = kSampleRateHz;

// Syllables of a buzzing voice, or of its whisper, with gaps between them.
struct Voice {
  double hz = 120;
  double gain = 0.1;
  double syllable_s = 0.16, gap_s = 0.06;
  double rise = 0;  // semitones, over the last third of a second
  bool whispered = false;
};

std::vector<float> Say(const Voice& v, int syllables) {
  std::mt19937 random(3);
  std::normal_distribution<double> normal;
  std::vector<float> x;
  double phase = 0, high = 0, last = 0;
  const double seconds = syllables * (v.syllable_s + v.gap_s);
  for (int s = 0; s < syllables; ++s) {
    const auto n = static_cast<int>(v.syllable_s * kRate);
    for (int i = 0; i < n; ++i) {
      const double t = static_cast<double>(x.size()) / kRate;
      const double up = v.rise * std::clamp((t - (seconds - 0.4)) / 0.25, 0.0, 1.0);
      phase += v.hz * std::pow(2.0, up / 12) * (1 + 0.08 * std::sin(9 * t)) / kRate;
      double sample = 0;
      if (v.whispered) {
        const double white = normal(random);
        high = white - last;  // rises towards high frequencies
        last = white;
        sample = 0.4 * high;
      } else {
        for (int k = 1; k <= 12; ++k) sample += std::sin(2 * std::numbers::pi * k * phase) / k;
      }
      const double edge = std::min({1.0, i / 160.0, (n - i) / 160.0});
      x.push_back(static_cast<float>(v.gain * edge * sample));
    }
    x.insert(x.end(), static_cast<size_t>(v.gap_s * kRate), 0.0F);
  }
  return x;
}

std::vector<float> Silence(double seconds) {
  return std::vector<float>(static_cast<size_t>(seconds * kRate), 0.0F);
}

class SoundMarksTest : public testing::Test {
 protected:
  // The marks of a sound that is a turn of one block.
  std::vector<std::string> Marks(const std::vector<float>& x, const std::string& text) {
    marks.BeginTurn();
    return Next(x, text);
  }
  std::vector<std::string> Next(const std::vector<float>& x, const std::string& text) {
    const auto words = NormalisedWords(text);
    const int64_t begin = at;
    std::vector<float> padded = Silence(0.3);
    padded.insert(padded.end(), x.begin(), x.end());
    const std::vector<float> behind = Silence(0.3);
    padded.insert(padded.end(), behind.begin(), behind.end());
    marks.Push(padded);
    at += static_cast<int64_t>(padded.size());
    return marks.Close({begin, at, words, true});
  }

  using Set = std::vector<std::string>;
  static constexpr const char* kTen = "banana banana banana so";  // syllables
  SoundMarks marks;
  int64_t at = 0;
};

TEST_F(SoundMarksTest, OrdinarySpeechHasNone) {
  EXPECT_EQ(Marks(Say({}, 10), kTen), Set{});
  EXPECT_EQ(Marks(Say({}, 10), kTen), Set{});
}

TEST_F(SoundMarksTest, AWhisperHasNoVoice) {
  EXPECT_EQ(Marks(Say({.whispered = true}, 10), kTen), Set{"whisper"});
}

TEST_F(SoundMarksTest, LoudAndQuietAreMeasuredAgainstTheTalk) {
  EXPECT_EQ(Marks(Say({.gain = 0.03}, 10), kTen), Set{});
  EXPECT_EQ(Marks(Say({.gain = 0.03}, 10), kTen), Set{});
  EXPECT_EQ(Marks(Say({.gain = 0.12}, 10), kTen), Set{"loud"});
  SoundMarksTest::marks = SoundMarks();
  at = 0;
  EXPECT_EQ(Marks(Say({.gain = 0.12}, 15), kTen + std::string(" banana so so")), Set{});
  EXPECT_EQ(Marks(Say({.gain = 0.03}, 10), kTen), Set{"quiet"});
}

TEST_F(SoundMarksTest, WithoutATalkOnlyExtremesAreLoudOrQuiet) {
  EXPECT_EQ(Marks(Say({.gain = 0.6}, 10), kTen), Set{"loud"});
  SoundMarksTest::marks = SoundMarks();
  at = 0;
  EXPECT_EQ(Marks(Say({.gain = 0.004}, 10), kTen), Set{"quiet"});
}

TEST_F(SoundMarksTest, PaceIsSyllablesInTheTimeOfTheVoice) {
  EXPECT_EQ(Marks(Say({.syllable_s = 0.09, .gap_s = 0.03}, 20), std::string(kTen) + " " + kTen),
            Set{"fast"});
  SoundMarksTest::marks = SoundMarks();
  at = 0;
  EXPECT_EQ(Marks(Say({.syllable_s = 0.36, .gap_s = 0.1}, 10), kTen), Set{"slow"});
}

TEST_F(SoundMarksTest, PaceIsComparedWithTheTurnsBefore) {
  const Voice slow{.syllable_s = 0.36, .gap_s = 0.1};
  const auto syllable = static_cast<int64_t>(0.46 * kRate);
  const auto words = NormalisedWords("banana banana banana so");
  marks.BeginTurn();
  marks.Push(Say(slow, 10));
  for (int64_t piece = 0; piece < 3; ++piece) {
    marks.Close({3 * syllable * piece, 3 * syllable * (piece + 1), std::span(words).first(1)});
  }
  // The turn itself is not yet what its last word is compared with.
  EXPECT_EQ(marks.Look({9 * syllable, 10 * syllable, std::span(words).last(1), true}), Set{"slow"});
  EXPECT_EQ(marks.Look({0, 10 * syllable, words, true, true}), Set{"slow"});
  // The next one is compared with it.
  marks.BeginTurn();
  marks.Push(Say(slow, 10));
  EXPECT_EQ(marks.Look({10 * syllable, 20 * syllable, words, true, true}), Set());
}

TEST_F(SoundMarksTest, ASilenceInsideTheWordsIsAPauseAndOneAroundThemIsNot) {
  std::vector<float> x = Say({}, 5);
  const std::vector<float> gap = Silence(1.0);
  const std::vector<float> more = Say({}, 5);
  x.insert(x.end(), gap.begin(), gap.end());
  x.insert(x.end(), more.begin(), more.end());
  EXPECT_EQ(Marks(x, kTen), Set{"pause"});
  // In the same turn, the silence before a later block is one.
  std::vector<float> late = Silence(0.6);
  late.insert(late.end(), more.begin(), more.end());
  EXPECT_EQ(Next(late, "banana so so"), Set{"pause"});
}

TEST_F(SoundMarksTest, ASilenceThatPartedTheTurnIsAPauseOfItsFirstWords) {
  const std::vector<float> voice = Say({}, 10);
  EXPECT_EQ(Marks(voice, kTen), Set{});
  marks.BeginTurn(milliseconds(1200));
  EXPECT_EQ(Next(voice, kTen), Set{"pause"});
  EXPECT_NEAR(marks.measured().pause_s, 1.2, 1e-3);
  EXPECT_EQ(Next(voice, kTen), Set{});
  // A turn that is judged as a whole has it however many blocks it has.
  const auto words = NormalisedWords(std::string(kTen) + " " + kTen);
  EXPECT_EQ(marks.Look({.begin = at - 2 * static_cast<int64_t>(voice.size()) - 19200,
                        .end = at,
                        .words = words,
                        .phrase_end = true,
                        .whole_turn = true}),
            Set{"pause"});
  // One that is no pause inside a turn is none between two.
  marks.BeginTurn(milliseconds(500));
  EXPECT_EQ(Next(voice, kTen), Set{});
  EXPECT_EQ(Marks(voice, kTen), Set{});
}

TEST_F(SoundMarksTest, TheFirstWordsThatSoundHaveThePause) {
  const auto paused = [this](const std::string& text) {
    const Set heard = Next(Say({}, 10), text);
    return std::find(heard.begin(), heard.end(), "pause") != heard.end();
  };
  marks.BeginTurn(milliseconds(1200));
  marks.Push(Silence(0.5));
  marks.Close({0, 8000, NormalisedWords(kTen), false});  // words without a sound
  at = 8000;
  EXPECT_TRUE(paused("")) << "which no words carry";
  EXPECT_TRUE(paused(kTen));
  EXPECT_FALSE(paused(kTen));
}

TEST_F(SoundMarksTest, PitchRisesAtTheEndOfAPhrase) {
  EXPECT_EQ(Marks(Say({.rise = 6}, 10), kTen), Set{"rising"});
  EXPECT_EQ(Marks(Say({.rise = -6}, 10), kTen), Set{});
}

TEST_F(SoundMarksTest, ARiseBehindAFallIsOneToo) {
  // The voice falls by nine semitones, as at the end of a statement, and rises by six at the very end.
  std::vector<float> x;
  double phase = 0;
  for (int i = 0; i < static_cast<int>(2 * kRate); ++i) {
    const double t = i / kRate;
    const double fall = -9 * std::clamp((t - 1.55) / 0.2, 0.0, 1.0);
    const double up = 6 * std::clamp((t - 1.75) / 0.1, 0.0, 1.0);
    phase += 150 * std::pow(2.0, (fall + up) / 12) / kRate;
    double sample = 0;
    for (int k = 1; k <= 12; ++k) sample += std::sin(2 * std::numbers::pi * k * phase) / k;
    x.push_back(static_cast<float>(0.1 * std::min(1.0, 3 * std::abs(std::sin(9 * t))) * sample));
  }
  const auto heard = Marks(x, kTen);
  ASSERT_TRUE(marks.measured().movement);
  EXPECT_LT(*marks.measured().movement, 0);
  EXPECT_NE(std::find(heard.begin(), heard.end(), "rising"), heard.end());
}

TEST_F(SoundMarksTest, AVoiceThatFallsWhileItDiesAwayHasRisenAllTheSame) {
  // Up by six semitones, then 150 ms that fall by eight, 20 dB below.
  std::vector<float> x;
  double phase = 0;
  for (int i = 0; i < static_cast<int>(2 * kRate); ++i) {
    const double t = i / kRate;
    const double up = 6 * std::clamp((t - 1.5) / 0.2, 0.0, 1.0);
    const double fall = -8 * std::clamp((t - 1.85) / 0.1, 0.0, 1.0);
    phase += 150 * std::pow(2.0, (up + fall) / 12) / kRate;
    double sample = 0;
    for (int k = 1; k <= 12; ++k) sample += std::sin(2 * std::numbers::pi * k * phase) / k;
    x.push_back(static_cast<float>((t < 1.85 ? 0.1 : 0.01) * sample));
  }
  const auto heard = Marks(x, kTen);
  EXPECT_NE(std::find(heard.begin(), heard.end(), "rising"), heard.end());
}

TEST_F(SoundMarksTest, AVoiceThatStaysOnOneNoteIsNoMusic) {
  // A drawn-out monotone: its overtones stand as still as those of an instrument; in a silent room, and in noise.
  for (const float background : {0.0F, 0.012F}) {
    std::mt19937 random(5);
    std::normal_distribution<float> normal(0.0F, 1.0F);
    std::vector<float> x;
    for (int i = 0; i < static_cast<int>(3 * kRate); ++i) {
      const double t = i / kRate;
      double sample = 0;
      for (int k = 1; k <= 12; ++k) sample += std::sin(2 * std::numbers::pi * k * 180 * t) / k;
      const bool voice = t > 0.8 && t < 2.6;
      x.push_back(static_cast<float>(voice ? 0.1 * sample : 0.0) + background * normal(random));
    }
    SoundMarks fresh;
    fresh.Push(x);
    const auto words = NormalisedWords(kTen);
    const auto heard = fresh.Look(
        {static_cast<int64_t>(0.8 * kRate), static_cast<int64_t>(2.6 * kRate), words, true});
    EXPECT_GT(fresh.measured().tonal, 0.3) << background;
    EXPECT_EQ(std::find(heard.begin(), heard.end(), "music"), heard.end()) << background;
    EXPECT_EQ(std::find(heard.begin(), heard.end(), "noise") != heard.end(), background > 0);
  }
}

TEST_F(SoundMarksTest, HighAndLowAreMeasuredAgainstTheTalk) {
  Marks(Say({.hz = 150}, 10), kTen);
  Marks(Say({.hz = 150}, 10), kTen);
  EXPECT_EQ(Marks(Say({.hz = 200}, 10), kTen), Set{"high"});
  EXPECT_EQ(Marks(Say({.hz = 110}, 10), kTen), Set{"low"});
}

TEST_F(SoundMarksTest, PitchIsThatOfTheVoiceThatGlidesNotOfItsCreaks) {
  // More than half of the time the voice creaks, more quietly, and drops every other period.
  std::vector<float> x = Say({.hz = 150}, 12);
  const double period = kRate / 150;
  for (size_t i = 0; i < x.size(); ++i) {
    const bool creaks = i % 4000 < 2200;
    const bool second = static_cast<int64_t>(static_cast<double>(i) / period) % 2 == 1;
    if (creaks) x[i] *= second ? 0.08F : 0.4F;
  }
  Marks(Say({.hz = 150}, 12), kTen);
  Marks(x, kTen);
  ASSERT_TRUE(marks.measured().pitch);
  EXPECT_NEAR(*marks.measured().pitch, 12 * std::log2(1.5), 1.0);
}

TEST_F(SoundMarksTest, ThePaceOfSpeechWithHardlyAnyGapIsKnown) {
  const std::string thirty = std::string(kTen) + " " + kTen + " " + kTen;
  Marks(Say({.syllable_s = 0.4, .gap_s = 0.02}, 30), thirty);
  EXPECT_NEAR(marks.measured().rate, 1 / 0.42, 0.2);
}

TEST_F(SoundMarksTest, NoiseAndMusicAreToldApart) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0.0F, 0.025F);
  std::vector<float> noisy = Silence(0.8);
  const std::vector<float> voice = Say({}, 10);
  noisy.insert(noisy.end(), voice.begin(), voice.end());
  noisy.resize(noisy.size() + 8000);
  std::vector<float> chords = noisy;
  for (size_t i = 0; i < noisy.size(); ++i) {
    noisy[i] += normal(random);
    for (const double hz : {523.3, 659.3, 784.0}) {
      chords[i] += static_cast<float>(
          0.02 * std::sin(2 * std::numbers::pi * hz * static_cast<double>(i) / kRate));
    }
  }
  const auto words = NormalisedWords(kTen);
  for (const auto& [sound, mark] : {std::pair{&noisy, "noise"}, std::pair{&chords, "music"}}) {
    SoundMarks fresh;
    fresh.Push(*sound);
    EXPECT_EQ(fresh.Look({0, static_cast<int64_t>(sound->size()), words, true}), Set{mark});
  }
}

TEST(BlockMarks, KeepsWhatHappensAndWhatLasts) {
  using Set = std::vector<std::string>;
  BlockMarks block;
  block.Add(1, Set{"loud", "pause"});
  block.Add(4, Set{"fast"});
  EXPECT_EQ(block.Take(), (Set{"fast", "pause"}));
  block.Add(2, Set{"whisper"});
  block.Add(2, Set{});
  EXPECT_EQ(block.Take(), Set{"whisper"});
  EXPECT_EQ(block.Take(), Set{});
}

TEST_F(SoundMarksTest, LookingChangesNothing) {
  const std::vector<float> x = Say({.gain = 0.03}, 15);
  Marks(x, kTen);
  const auto words = NormalisedWords(kTen);
  const std::vector<float> loud = Say({.gain = 0.12}, 15);
  marks.BeginTurn();
  marks.Push(loud);
  const BlockSpan span{at, at + static_cast<int64_t>(loud.size()), words, true};
  const Set first = marks.Look(span);
  EXPECT_EQ(first, Set{"loud"});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(marks.Look(span), first);
}

TEST(SyllablesOf, CountsWordsAndFigures) {
  for (const auto& [word, expected] : std::initializer_list<std::pair<const char*, float>>{
           {"banana", 3}, {"the", 1}, {"table", 2}, {"make", 1}, {"rhythm", 1}, {"hmm", 1}}) {
    EXPECT_EQ(SyllablesOf(word), expected) << word;
  }
  EXPECT_NEAR(SyllablesOf("7"), 1.2F, 0.01);
  EXPECT_NEAR(SyllablesOf("4th"), 1.2F, 0.01);
  EXPECT_NEAR(SyllablesOf("1,000"), 6, 0.01);
  EXPECT_GT(SyllablesOf("$5.50"), 3);
}

}  // namespace
}  // namespace parley::realtime

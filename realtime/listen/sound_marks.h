// What the sound says beside the words: a few marks for each block of words, from signal processing,
// and only where the sound departs from the ordinary. "Ordinary" is the talk so far (for the pace: the
// turns before), as soon as there is enough of it, and before that what most voices and rooms are like.
//
// Everything is told from 10 ms frames that have been heard; no voice detector is asked, so that the
// same sound gives the same marks wherever it is heard. Only of the silence between two turns, in which
// an answer may have begun, it is told by others how long it was.
//
// Thread:   plain value; one owner.
// Memory:   the frames of the last 40 s.
// Overload: none; frames older than that are forgotten, and what is asked of them is silence.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "features/sound_frames.h"

namespace parley::realtime {

// In the order in which they are written. A fall of the pitch is none of them: ordinary statements fall.
inline constexpr std::array<std::string_view, 11> kSoundMarks = {
    "whisper", "quiet", "loud", "slow", "fast", "pause", "rising", "high", "low", "noise", "music"};

// The words of a block and the samples since the start of the talk in which they were heard.
struct BlockSpan {
  int64_t begin = 0, end = 0;
  std::span<const std::string> words;  // normalised
  // It ends where the voice does, at a pause or at the turn's end: only there does the pitch's last
  // movement say something. Otherwise `end` is when the last word had surely been said.
  bool phrase_end = false;
  // It is all of the turn so far, and so is `words`: compared with what was ordinary before the turn.
  bool whole_turn = false;
};

// A turn of so much sound is judged as a whole at its end: a second of it tells too little.
inline constexpr int64_t kShortTurn = 6 * kSampleRateHz;
inline bool JudgedAsWhole(int64_t turn_begin, int64_t turn_end) {
  return turn_end - turn_begin <= kShortTurn;
}

// What was measured. Levels in dBFS, pitch in semitones above 100 Hz.
struct BlockSound {
  float active_s = 0;             // of sound that stands out of the background
  float level = 0;                // of it
  float background = 0;           // what the quiet fifth of the last seconds stays below
  float quietest = 0;             // and the quietest twentieth
  float voiced = 0;               // share of the active frames that have a pitch
  float hiss_db = 0;              // median
  float pause_s = 0;              // longest silence before or between the words
  float rate = 0;                 // syllables per second of voice, over the last seconds
  float tonal = 0;                // share of frames
  float tonal_between = 0;        // the same where the voice is not
  std::optional<float> pitch;     // two fifths of the voice's energy are below it
  std::optional<float> movement;  // of the pitch at the end [semitones]
  std::optional<float> rise;      // of the pitch at the end, from its lowest shortly before
};

class SoundMarks {
 public:
  SoundMarks();
  void Push(PcmView sound);
  // `silence`: the longest one in what the turn goes on with (turn/speech_pause.h). Its first words
  // have the pause.
  void BeginTurn(Duration silence = {});

  // The marks of a block, or of words that may yet be followed by others. Words without a sound of
  // their own (they became stable together with those before them) have the marks of those.
  const std::vector<std::string>& Look(const BlockSpan& block);
  // The same, and the block becomes part of what is ordinary in this talk.
  const std::vector<std::string>& Close(const BlockSpan& block);

  const std::vector<std::string>& marks() const { return marks_; }  // of the last one
  const BlockSound& measured() const { return sound_; }             // of the last one

 private:
  struct Spoken {  // of a block, for the rate
    float syllables = 0, seconds = 0;
  };
  // A running mean over blocks; newer ones count more once it is full.
  struct Usual {
    float mean = 0, weight = 0;
    void Add(float value, float of_weight);
  };

  const features::SoundFrame& Frame(int64_t k) const;
  struct Ordinary {
    Usual level, pitch, rate;
  };

  void Measure(const BlockSpan& block);
  float TonalBetween(int64_t begin, int64_t end);
  void MeasurePitch(int64_t first, int64_t last, bool phrase_end);
  float Rate(const BlockSpan& block, float seconds) const;
  void Judge(const Ordinary& ordinary);

  features::SoundFrames stage_;
  std::vector<features::SoundFrame> frames_;  // a ring
  int64_t heard_ = 0;                         // frames so far
  features::SoundFrame silence_;
  BlockSound sound_;
  float silence_s_ = 0;         // before the turn, in what it goes on with
  bool first_ = true;           // no words of the turn have been closed yet
  Spoken spoken_;               // of the block that was measured
  std::vector<Spoken> blocks_;  // of this turn
  Ordinary ordinary_, before_turn_;
  std::vector<float> scratch_;
  std::vector<std::string> marks_;
};

// The marks of words that come a few at a time, gathered for a block: what happens (a pause, a rise) is
// in it if it is in any of them, what lasts if it is in at least half of the words.
class BlockMarks {
 public:
  void Add(size_t words, std::span<const std::string> marks);
  std::vector<std::string> Take();  // in the order of kSoundMarks; and begins anew
  void Clear() { *this = BlockMarks(); }

 private:
  size_t words_ = 0;
  std::array<size_t, kSoundMarks.size()> with_{};  // words that have the mark
};

// How many syllables a word has, nearly: a figure is counted as it is read aloud.
float SyllablesOf(std::string_view word);

}  // namespace parley::realtime

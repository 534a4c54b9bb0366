// The thresholds were chosen on tests/bench/mark_trials.py; it prints what each of them hits and misses.
// SPDX-License-Identifier: Apache-2.0
#include "realtime/listen/sound_marks.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace parley::realtime {
namespace {

using features::SoundFrame;

constexpr int64_t kKept = 4096;             // frames
constexpr int64_t kBackgroundFrames = 800;  // that the background is told from
// Of them are surely no voice: the stops of dense speech, which a noise fills too.
constexpr float kQuietestShare = 0.05F;
constexpr float kBackgroundShare = 0.2F;  // noise that comes and goes is no louder than this share
constexpr float kAboveQuietestDb = 9.0F;
constexpr float kBelowLoudestDb = 28.0F;
constexpr float kLeastDbfs = -65.0F;
constexpr int64_t kBridge = 20;  // frames of a closure inside a word
constexpr float kLeastClarity = 0.7F;
// A voice glides: where the tracker leaps, in a creak or to a double period, it is not believed.
constexpr float kGlideClarity = 0.6F;  // at least
constexpr float kGlide = 1.5F;         // semitones from frame to frame, at most
constexpr size_t kGlideFrames = 6;     // at least
constexpr float kPitchShare = 0.4F;    // of the voice's energy is lower than its pitch
constexpr float kWordLagS = 0.25F;     // a word is noticed so much later than it ends

// What is a departure.
constexpr float kWhisperVoiced = 0.2F;                    // at most
constexpr float kWhisperHissDb = -16.0F;                  // at least
constexpr float kLoudDb = 8.0F, kQuietDb = -8.0F;         // against the talk
constexpr float kLoudDbfs = -12.0F, kQuietDbfs = -42.0F;  // without one
constexpr float kFaster = 1.3F, kSlower = 0.78F;          // against the talk
constexpr float kFastRate = 6.2F, kSlowRate = 3.05F;      // without one
constexpr float kPauseS = 0.7F;
constexpr float kRising = 1.8F;
// Behind the fall of a statement: from the lowest shortly before, if no noise lifts the pitch.
constexpr float kRisingAgain = 2.7F;
// A voice falls while it dies away, behind a rise too: less of the end than so far below its loudest is not heard.
constexpr float kAudibleDb = 15.0F;
constexpr int64_t kEndFrames = 60;
constexpr float kStillDb = 25.0F;                       // of voice above background, at least
constexpr float kHigh = 2.5F, kLow = -2.5F;             // against the talk
constexpr float kHighPitch = 19.0F, kLowPitch = -4.0F;  // without one: 300 Hz, 79 Hz
constexpr float kLeastVoiced = 0.25F;                   // to have a pitch at all
constexpr float kNoiseDb = 18.5F;                       // of voice above background
constexpr float kNoiseQuietDb = 26.0F;  // and above its quietest parts: dense speech has no gaps
constexpr float kNoiseDbfs = -62.0F;    // quieter than this is no noise
constexpr float kClearDb = 12.0F;  // voice less above it: nothing but noise and level can be told
// Tones that stand are music when they stand between the words too, and it is not silent there: a voice that is
// drawn out on one note holds its overtones as still as an instrument does.
constexpr float kMusicShare = 0.15F, kMusicBetween = 0.2F;
constexpr float kMusicDb = 30.0F;  // of voice above background, at most

constexpr float kKnownS = 2.0F;        // of voice, before the talk is a measure
constexpr float kMemoryS = 20.0F;      // of voice that a talk's measure goes back
constexpr float kRateS = 3.0F;         // of voice that a rate is told from
constexpr float kRateKnownS = 2.0F;    // of voice, before the talk is a measure of pace
constexpr float kLeastActiveS = 0.2F;  // shorter: nothing is said of the voice

float Percentile(std::vector<float>& values, float share) {
  const auto n = static_cast<std::ptrdiff_t>(share * static_cast<float>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + n, values.end());
  return values[static_cast<size_t>(n)];
}

// The value below which a share of the weight is; (value, weight).
float WeightedPercentile(std::vector<std::pair<float, float>>& values, float share) {
  std::sort(values.begin(), values.end());
  float left = 0;
  for (const auto& [value, weight] : values) left += share * weight;
  for (const auto& [value, weight] : values) {
    left -= weight;
    if (left <= 0) return value;
  }
  return values.back().first;
}

float Semitones(float hz) { return 12.0F * std::log2(hz / 100.0F); }
bool Happens(std::string_view mark) { return mark == "pause" || mark == "rising"; }
bool Voiced(const SoundFrame& f) { return f.pitch.hz > 0 && f.pitch.clarity >= kLeastClarity; }

}  // namespace

float SyllablesOf(std::string_view word) {
  constexpr std::array<float, 7> kFigures = {0, 1.2F, 2.6F, 5, 6, 8, 9};
  const auto vowel = [](char c) {
    return std::string_view("aeiouy").find(c) != std::string_view::npos;
  };
  float figures = 0;
  float count = 0;
  size_t digits = 0;
  bool before = false;
  for (const char c : word) {
    if (c >= '0' && c <= '9') {
      ++digits;
    } else if (digits > 0 && c != ',') {
      const bool ordinal = c == 's' || c == 'n' || c == 'r' || c == 't';  // 1st, 2nd, 3rd, 4th
      figures += kFigures[std::min(digits, kFigures.size() - 1)] + (ordinal ? 0.0F : 1.0F);
      digits = 0;
    }
    if (vowel(c) && !before) ++count;
    before = vowel(c);
  }
  figures += kFigures[std::min(digits, kFigures.size() - 1)];
  const bool silent_e = word.size() > 2 && word.back() == 'e' && !vowel(word[word.size() - 2]) &&
                        word[word.size() - 2] != 'l';
  if (silent_e && count > 1) --count;
  return std::max(count + figures, 1.0F);
}

void BlockMarks::Add(size_t words, std::span<const std::string> marks) {
  words_ += words;
  for (size_t i = 0; i < kSoundMarks.size(); ++i) {
    if (std::find(marks.begin(), marks.end(), kSoundMarks[i]) != marks.end()) with_[i] += words;
  }
}

std::vector<std::string> BlockMarks::Take() {
  std::vector<std::string> marks;
  for (size_t i = 0; i < kSoundMarks.size(); ++i) {
    const bool enough = Happens(kSoundMarks[i]) || 2 * with_[i] >= words_;
    if (with_[i] > 0 && enough) marks.emplace_back(kSoundMarks[i]);
  }
  Clear();
  return marks;
}

SoundMarks::SoundMarks() : frames_(static_cast<size_t>(kKept)) {}

void SoundMarks::Push(PcmView sound) {
  for (const SoundFrame& frame : stage_.Push(sound)) {
    frames_[static_cast<size_t>(heard_++ % kKept)] = frame;
  }
}

void SoundMarks::BeginTurn(Duration silence) {
  silence_s_ = static_cast<float>(Ms(silence) / 1000);
  first_ = true;
  blocks_.clear();
  before_turn_ = ordinary_;
}

const SoundFrame& SoundMarks::Frame(int64_t k) const {
  if (k < 0 || k >= heard_ || k < heard_ - kKept) return silence_;
  return frames_[static_cast<size_t>(k % kKept)];
}

void SoundMarks::Usual::Add(float value, float of_weight) {
  weight = std::min(weight, kMemoryS) + of_weight;
  mean += (value - mean) * of_weight / weight;
}

const std::vector<std::string>& SoundMarks::Look(const BlockSpan& block) {
  if (block.end <= block.begin) {
    sound_.active_s = 0;
    spoken_ = {};
    for (const std::string& word : block.words) spoken_.syllables += SyllablesOf(word);
    std::erase_if(marks_, [](const std::string& mark) { return Happens(mark); });
    return marks_;
  }
  Measure(block);
  Judge(block.whole_turn ? before_turn_ : ordinary_);
  return marks_;
}

const std::vector<std::string>& SoundMarks::Close(const BlockSpan& block) {
  Look(block);
  blocks_.push_back(spoken_);
  if (sound_.active_s < kLeastActiveS) return marks_;
  if (!block.words.empty()) first_ = false;
  ordinary_.level.Add(sound_.level, sound_.active_s);
  if (sound_.pitch) ordinary_.pitch.Add(*sound_.pitch, sound_.active_s);
  if (sound_.rate > 0) ordinary_.rate.Add(sound_.rate, spoken_.seconds);
  return marks_;
}

void SoundMarks::Measure(const BlockSpan& block) {
  sound_ = {};
  const int64_t begin = block.begin / features::kSoundFrame;
  const int64_t end = std::max(begin, std::min(block.end / features::kSoundFrame, heard_));

  scratch_.clear();
  for (int64_t k = std::max<int64_t>(0, end - kBackgroundFrames); k < end; ++k) {
    scratch_.push_back(Frame(k).level_dbfs);
  }
  if (scratch_.empty()) return;
  sound_.background = Percentile(scratch_, kBackgroundShare);
  sound_.quietest = Percentile(scratch_, kQuietestShare);
  const float loudest = Percentile(scratch_, 0.95F);
  const float threshold =
      std::max({sound_.quietest + kAboveQuietestDb, loudest - kBelowLoudestDb, kLeastDbfs});
  const auto active = [&](int64_t k) { return Frame(k).level_dbfs > threshold; };

  // Silence that began before the block and ends in it belongs to it.
  int64_t quiet = 0;
  for (int64_t k = begin - 1; k >= 0 && k > begin - 200 && !active(k); --k) ++quiet;
  int64_t first = -1, last = -1, spoken = 0, tonal = 0;
  double energy = 0;
  int64_t count = 0, voiced = 0;
  scratch_.clear();
  for (int64_t k = begin; k < end; ++k) {
    const SoundFrame& frame = Frame(k);
    tonal += frame.tonal ? 1 : 0;
    if (!active(k)) {
      ++quiet;
      continue;
    }
    // The silence before the turn's first word is nobody's pause.
    if (first >= 0 || (!blocks_.empty() && !block.whole_turn)) {
      sound_.pause_s = std::max(sound_.pause_s, static_cast<float>(quiet) / 100.0F);
    }
    spoken += first >= 0 && quiet <= kBridge ? quiet + 1 : 1;
    quiet = 0;
    if (first < 0) first = k;
    last = k;
    ++count;
    voiced += Voiced(frame) ? 1 : 0;
    energy += std::pow(10.0, static_cast<double>(frame.level_dbfs) / 10.0);
    scratch_.push_back(frame.hiss_db);
  }
  if (end > begin) sound_.tonal = static_cast<float>(tonal) / static_cast<float>(end - begin);
  if (count == 0) {
    sound_.tonal_between = TonalBetween(begin, end);
    return;
  }
  if (first_ || block.whole_turn) sound_.pause_s = std::max(sound_.pause_s, silence_s_);
  sound_.active_s = static_cast<float>(count) / 100.0F;
  sound_.level = static_cast<float>(10.0 * std::log10(energy / static_cast<double>(count)));
  sound_.voiced = static_cast<float>(voiced) / static_cast<float>(count);
  sound_.hiss_db = Percentile(scratch_, 0.5F);
  sound_.tonal_between = TonalBetween(begin, end);
  MeasurePitch(first, last, block.phrase_end);

  spoken_ = {};
  for (const std::string& word : block.words) spoken_.syllables += SyllablesOf(word);
  spoken_.seconds = static_cast<float>(spoken) / 100.0F;
  sound_.rate = Rate(block, spoken_.seconds);
}

// The quietest quarter, with half a second before: there it is not the voice that is heard.
float SoundMarks::TonalBetween(int64_t begin, int64_t end) {
  const int64_t from = std::max<int64_t>(0, begin - 50);
  scratch_.clear();
  for (int64_t k = from; k < end; ++k) scratch_.push_back(Frame(k).level_dbfs);
  if (scratch_.empty()) return 0;
  const float most = Percentile(scratch_, 0.25F);
  int64_t quiet = 0, tonal = 0;
  for (int64_t k = from; k < end; ++k) {
    if (Frame(k).level_dbfs > most) continue;
    ++quiet;
    tonal += Frame(k).tonal ? 1 : 0;
  }
  return static_cast<float>(tonal) / static_cast<float>(quiet);
}

// Over this block and as many before it as make kRateS.
float SoundMarks::Rate(const BlockSpan& block, float seconds) const {
  float syllables = spoken_.syllables;
  size_t blocks = block.whole_turn ? 0 : blocks_.size();
  while (blocks > 0 && seconds < kRateS) {
    --blocks;
    seconds += blocks_[blocks].seconds;
    syllables += blocks_[blocks].syllables;
  }
  // Where a block ends inside a phrase its last word ended a little before; so did the block before
  // the first one that is counted, unless that one is the turn's first.
  if (!block.phrase_end) seconds -= kWordLagS;
  if (blocks > 0) seconds += kWordLagS;
  return seconds >= 0.5F ? syllables / seconds : 0.0F;
}

void SoundMarks::MeasurePitch(int64_t first, int64_t last, bool phrase_end) {
  if (sound_.voiced < kLeastVoiced) return;
  std::vector<std::pair<float, float>> glides;  // pitch, energy
  size_t glide = 0;                             // where the last one begins
  const auto end_glide = [&] {
    if (glides.size() - glide < kGlideFrames) glides.resize(glide);
    glide = glides.size();
  };
  for (int64_t k = first; k <= last; ++k) {
    const SoundFrame& frame = Frame(k);
    if (frame.pitch.hz <= 0 || frame.pitch.clarity < kGlideClarity) {
      end_glide();
      continue;
    }
    const float pitch = Semitones(frame.pitch.hz);
    if (glides.size() > glide && std::abs(pitch - glides.back().first) > kGlide) end_glide();
    glides.emplace_back(pitch, std::pow(10.0F, frame.level_dbfs / 10.0F));
  }
  end_glide();
  if (glides.size() < 8) return;
  const float usual = WeightedPercentile(glides, kPitchShare);
  sound_.pitch = usual;
  if (!phrase_end) return;
  // The last 100 ms of voice against 400 ms of it, 150 ms before. What leaps by an octave, or nearly, is
  // taken for what it was before: creaking ends of phrases make the tracker hear half the pitch.
  constexpr size_t kEnd = 10, kBetween = 15, kBefore = 40, kLeastBefore = 13;
  constexpr float kLeap = 9.0F, kNear = 3.0F;
  scratch_.clear();
  float near = usual;
  float loudest = features::kSilenceDbfs;
  for (int64_t k = std::max(first, last - kEndFrames); k <= last; ++k) {
    loudest = std::max(loudest, Frame(k).level_dbfs);
  }
  for (int64_t k = std::max(first, last - 150); k <= last; ++k) {
    const bool fades = k > last - kEndFrames && Frame(k).level_dbfs < loudest - kAudibleDb;
    if (!Voiced(Frame(k)) || fades) continue;
    float pitch = Semitones(Frame(k).pitch.hz);
    if (const float leap = pitch - near; std::abs(leap) > kLeap) {
      const float octave = leap < 0 ? 12.0F : -12.0F;
      if (std::abs(leap + octave) <= kNear) {
        pitch += octave;
      } else if (std::abs(leap) > kLeap + kNear) {
        continue;
      }
    }
    near += 0.3F * (pitch - near);
    scratch_.push_back(pitch);
  }
  const size_t n = scratch_.size();
  if (n < kEnd + kBetween + kLeastBefore) return;
  const auto middle_of = [&](size_t begin, size_t end) {
    std::vector<float> part(scratch_.begin() + static_cast<std::ptrdiff_t>(begin),
                            scratch_.begin() + static_cast<std::ptrdiff_t>(end));
    return Percentile(part, 0.5F);
  };
  const size_t before = n - kEnd - kBetween;
  constexpr size_t kValley = 5, kValleyBefore = 45;  // the lowest 50 ms of 450 ms
  float lowest = middle_of(n - kEnd - kValley, n - kEnd);
  for (size_t at = n - std::min(n, kEnd + kValleyBefore); at + kValley + kEnd <= n; ++at) {
    lowest = std::min(lowest, middle_of(at, at + kValley));
  }
  sound_.rise = middle_of(n - kEnd, n) - lowest;
  sound_.movement =
      middle_of(n - kEnd, n) - middle_of(before > kBefore ? before - kBefore : 0, before);
}

void SoundMarks::Judge(const Ordinary& ordinary) {
  marks_.clear();
  const BlockSound& s = sound_;
  const auto mark = [this](std::string_view name, bool is) {
    if (is) marks_.emplace_back(name);
  };
  const bool heard = s.active_s >= kLeastActiveS;
  const bool known = ordinary.level.weight >= kKnownS;
  const float above = s.level - s.background;
  const bool music = s.tonal >= kMusicShare && s.tonal_between >= kMusicBetween && above < kMusicDb;
  const bool noise = !music && s.background > kNoiseDbfs && above < kNoiseDb &&
                     s.level - s.quietest < kNoiseQuietDb;
  const bool clear = heard && !music && (above > kClearDb || s.background <= kNoiseDbfs);
  const bool whisper = clear && s.voiced <= kWhisperVoiced && s.hiss_db >= kWhisperHissDb;
  const float departs = s.level - ordinary.level.mean;
  mark("whisper", whisper);
  mark("quiet", heard && !whisper && (known ? departs < kQuietDb : s.level < kQuietDbfs));
  mark("loud", heard && (s.level > kLoudDbfs || (known && departs > kLoudDb)));
  const bool paced = clear && s.rate > 0;
  // Who drags or hurries from the first word on is not to become a turn's own measure.
  const Usual& usual = before_turn_.rate;
  const bool pace_known = usual.weight >= kRateKnownS;
  const float slow = pace_known ? kSlower * usual.mean : kSlowRate;
  const float fast = pace_known ? kFaster * usual.mean : kFastRate;
  mark("slow", paced && s.rate < slow);
  mark("fast", paced && s.rate > fast);
  mark("pause", clear && s.pause_s >= kPauseS);
  mark("rising", clear && ((s.movement && *s.movement > kRising) ||
                           (s.rise && *s.rise > kRisingAgain && above > kStillDb)));
  const bool pitch_known = ordinary.pitch.weight >= kKnownS;
  const bool pitched = clear && s.pitch.has_value();
  const float up = pitched ? *s.pitch - ordinary.pitch.mean : 0.0F;
  mark("high", pitched && (pitch_known ? up > kHigh : *s.pitch > kHighPitch));
  mark("low", pitched && (pitch_known ? up < kLow : *s.pitch < kLowPitch));
  mark("noise", noise);
  mark("music", music);
}

}  // namespace parley::realtime

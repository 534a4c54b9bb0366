// Two clocks that should run alike and do not: how fast one gains on the other, and reading a signal
// at the speed that makes up for it.
// Thread:   plain values; one owner.
// Memory:   Drift: a few sums. VarispeedReader: the last two seconds.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace parley::audio {

// A line through (time, offset), of which old points count less and less (e-fold in 60 s). A slope
// that could as well be chance is taken for none: most devices share one clock, and there any
// correction would only blur what was exact.
class Drift {
 public:
  void Add(double t_s, double offset_s);
  double slope() const { return slope_; }  // seconds a second
  double OffsetAt(double t_s) const;       // seconds
  int points() const { return points_; }
  void Restart() { *this = Drift(); }

 private:
  double first_t_ = 0, first_o_ = 0, last_t_ = 0;  // sums are about the first point
  double w_ = 0, t_ = 0, o_ = 0, tt_ = 0, to_ = 0, oo_ = 0;
  double slope_ = 0;
  int points_ = 0;
};

// Reads a signal between its samples (windowed sinc of 32 taps): at the speed 1 and on a sample it
// gives back exactly what went in.
class VarispeedReader {
 public:
  VarispeedReader();

  void Push(std::span<const float> samples);
  int64_t end() const { return end_; }  // samples ever pushed
  // Samples at position, position + step, …, which moves on. False, and nothing is done: they have
  // not come yet. What lies before the first sample or was forgotten is silence.
  bool Read(double& position, double step, std::span<float> out) const;

 private:
  float At(double position) const;

  std::vector<float> samples_;  // a power of two of them, by index
  int64_t end_ = 0;
  std::vector<float> taps_;  // [phases + 1][kTaps]
};

}  // namespace parley::audio

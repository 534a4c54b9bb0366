// Finds a number at an index: whole part with thousands commas, fraction, sign. Shared by the
// readers; looks only, says nothing.
// Thread:   pure functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "tts/reading.h"

namespace parley::tts {

struct NumberText {
  std::string whole;     // digits without commas; empty for ".5"
  std::string fraction;  // digits after the point
  bool grouped = false;  // had commas
  size_t end = 0;        // index after the number
};

std::optional<NumberText> ScanNumber(const Reading& r, size_t at);

// "million", "bn", "k" after a number of money: how to say it and where it ends.
struct ScaleText {
  std::string words;
  size_t end = 0;
};
std::optional<ScaleText> ScanScale(const Reading& r, size_t at);

// January … December, also "Jan.": 1 … 12, and where the name ends.
struct MonthText {
  int month = 0;
  size_t end = 0;
};
std::optional<MonthText> ScanMonth(const Reading& r, size_t at);
std::string_view MonthName(int month);

// One or two digits worth `lowest` … `highest`, not followed by another digit.
std::optional<size_t> ScanSmall(const Reading& r, size_t at, int lowest, int highest);

}  // namespace parley::tts

// Units of measure after a number: "km" -> "kilometers".
// Thread:   pure functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "tts/reading.h"

namespace parley::tts {

struct UnitText {
  std::string_view singular;
  std::string_view plural;
  size_t end = 0;  // index after the unit
};

// `at`: right after the number; one blank may stand between, for units that are no English words.
std::optional<UnitText> ScanUnit(const Reading& r, size_t at);

}  // namespace parley::tts

// Readers of everything that begins with a letter: see reading.h.
// Thread:   pure functions on the Reading they are given.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tts/reading.h"

namespace parley::tts {

bool ReadAddress(Reading& r);       // https://example.com/a, jo@example.com, example.org
bool ReadAbbreviation(Reading& r);  // Dr., e.g., U.S., Ph.D.
bool ReadWord(Reading& r);          // words, acronyms, single letters, CamelCase

}  // namespace parley::tts

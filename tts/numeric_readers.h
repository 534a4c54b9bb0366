// Readers of everything that begins with a digit, a sign or a currency: see reading.h.
// Thread:   pure functions on the Reading they are given.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tts/reading.h"

namespace parley::tts {

bool ReadPhoneNumber(Reading& r);  // (555) 123-4567, +1 555 123 4567, 555-1234
bool ReadDate(Reading& r);         // 2025-03-14, 3/14/2025, March 3rd, 2025, 3 March 2025
bool ReadTime(Reading& r);         // 3:45 pm, 14:30, 7 a.m.
bool ReadMoney(Reading& r);        // $48.75, $5 million, 20€
bool ReadNumber(Reading& r);       // all other numbers, with their units and marks

}  // namespace parley::tts

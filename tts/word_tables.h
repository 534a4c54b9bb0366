// What an English reader knows about short forms and capitals.
// Thread:   pure lookups in constant tables.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace parley::tts {

struct Abbreviation {
  std::string_view lower;  // without its full stop
  std::string_view spoken;
  enum class When {
    kWithDot,      // "Dr."
    kAlways,       // "vs" or "vs."
    kBeforeDigit,  // "No. 5"
    kBeforeName,   // "St. Mary": before a capital
  } when = When::kWithDot;
};

const Abbreviation* FindAbbreviation(std::string_view lower);

// Words in capitals.
std::string_view SpecialReading(std::string_view capitals);  // "OK" -> "okay"; empty: none
bool IsAcronymSaidAsWord(std::string_view capitals);         // NASA
bool IsAcronymSpelled(std::string_view capitals);            // ASAP, though it looks like a word
bool IsCommonShortWord(std::string_view lower);              // "the", shouted as THE

bool IsDomainEnding(std::string_view lower);    // "com"
int RomanNumeral(std::string_view capitals);    // II … XX; 0: none
bool TakesRomanNumber(std::string_view lower);  // "chapter", "war": the numeral is a cardinal

}  // namespace parley::tts

// Numbers as English words: "48" -> "forty eight". Digits come as text, so that any length works
// and leading zeros are not lost; words are separated by one space.
// Thread:   pure functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace parley::tts {

std::string CardinalWords(std::string_view digits);  // beyond 15 digits: digit by digit
std::string OrdinalWords(std::string_view digits);   // "21" -> "twenty first"
std::string DigitWords(std::string_view digits);     // "007" -> "zero zero seven"
std::string YearWords(std::string_view digits);      // four digits: "1905" -> "nineteen oh five"
std::string DecadeWords(std::string_view digits);    // "1990" -> "nineteen nineties", "80"
std::string DecimalWords(std::string_view whole, std::string_view fraction);

// "3/4": "three quarters"; a denominator without a common name: "three over forty".
std::string FractionWords(std::string_view numerator, std::string_view denominator);

}  // namespace parley::tts

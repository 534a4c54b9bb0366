// SPDX-License-Identifier: Apache-2.0
#include "tts/number_words.h"

#include <array>
#include <cstdint>

namespace parley::tts {
namespace {

constexpr std::array<std::string_view, 20> kSmall{
    "zero",     "one",     "two",     "three",     "four",     "five",    "six",
    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
constexpr std::array<std::string_view, 10> kTens{"",      "ten",   "twenty",  "thirty", "forty",
                                                 "fifty", "sixty", "seventy", "eighty", "ninety"};
constexpr std::array<std::string_view, 5> kScales{"", "thousand", "million", "billion", "trillion"};
constexpr size_t kLongestCardinal = 15;

void Add(std::string& words, std::string_view more) {
  if (more.empty()) return;
  if (!words.empty()) words += ' ';
  words += more;
}

std::string BelowThousand(int n) {
  std::string words;
  if (n >= 100) {
    Add(words, kSmall[static_cast<size_t>(n / 100)]);
    Add(words, "hundred");
    n %= 100;
  }
  if (n >= 20) {
    Add(words, kTens[static_cast<size_t>(n / 10)]);
    n %= 10;
  }
  if (n > 0) Add(words, kSmall[static_cast<size_t>(n)]);
  return words;
}

std::string_view WithoutLeadingZeros(std::string_view digits) {
  const size_t first = digits.find_first_not_of('0');
  return first == std::string_view::npos ? digits.substr(0, digits.empty() ? 0 : 1)
                                         : digits.substr(first);
}

int SmallValue(std::string_view digits) {
  int value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

// The last word of a cardinal turned into its ordinal.
std::string OrdinalOf(std::string cardinal) {
  struct Irregular {
    std::string_view from, to;
  };
  constexpr Irregular kIrregular[] = {{"one", "first"},     {"two", "second"},   {"three", "third"},
                                      {"five", "fifth"},    {"eight", "eighth"}, {"nine", "ninth"},
                                      {"twelve", "twelfth"}};
  const size_t space = cardinal.rfind(' ');
  const size_t start = space == std::string::npos ? 0 : space + 1;
  const std::string last = cardinal.substr(start);
  cardinal.resize(start);
  for (const Irregular& i : kIrregular) {
    if (last == i.from) return cardinal.append(i.to);
  }
  if (last.back() == 'y') return cardinal + last.substr(0, last.size() - 1) + "ieth";
  return cardinal + last + "th";
}

std::string PluralOf(std::string words) {
  if (words.back() == 'y') {
    words.pop_back();
    return words + "ies";
  }
  return words + (words.back() == 'x' ? "es" : "s");
}

}  // namespace

std::string CardinalWords(std::string_view digits) {
  digits = WithoutLeadingZeros(digits);
  if (digits.size() > kLongestCardinal) return DigitWords(digits);
  if (digits == "0" || digits.empty()) return "zero";
  std::string words;
  for (size_t groups = (digits.size() + 2) / 3; groups-- > 0;) {
    const size_t take = digits.size() - groups * 3;
    const int value = SmallValue(digits.substr(0, take));
    digits.remove_prefix(take);
    if (value == 0) continue;
    Add(words, BelowThousand(value));
    Add(words, kScales[groups]);
  }
  return words;
}

std::string OrdinalWords(std::string_view digits) { return OrdinalOf(CardinalWords(digits)); }

std::string DigitWords(std::string_view digits) {
  std::string words;
  for (const char c : digits) Add(words, kSmall[static_cast<size_t>(c - '0')]);
  return words;
}

std::string YearWords(std::string_view digits) {
  if (digits.size() != 4 || digits[0] == '0') return CardinalWords(digits);
  const int year = SmallValue(digits);
  const int century = year / 100;
  const int rest = year % 100;
  if (rest == 0) {
    return century % 10 == 0 ? CardinalWords(digits) : BelowThousand(century) + " hundred";
  }
  if (century % 10 == 0 && rest < 10) return CardinalWords(digits);  // "two thousand nine"
  return BelowThousand(century) + (rest < 10 ? " oh " : " ") + BelowThousand(rest);
}

std::string DecadeWords(std::string_view digits) {
  return PluralOf(digits.size() == 4 ? YearWords(digits) : CardinalWords(digits));
}

std::string DecimalWords(std::string_view whole, std::string_view fraction) {
  std::string words = whole.empty() ? "" : CardinalWords(whole);
  if (!fraction.empty()) {
    Add(words, "point");
    Add(words, DigitWords(fraction));
  }
  return words;
}

std::string FractionWords(std::string_view numerator, std::string_view denominator) {
  const std::string_view n = WithoutLeadingZeros(numerator);
  const std::string_view d = WithoutLeadingZeros(denominator);
  if (d.size() > 3 || n.size() > 3 || SmallValue(d) < 2 || (SmallValue(d) > 20 && d != "100")) {
    return CardinalWords(n) + " over " + CardinalWords(d);
  }
  std::string name = d == "2" ? "half" : d == "4" ? "quarter" : OrdinalWords(d);
  if (n != "1") name = name == "half" ? "halves" : PluralOf(name);
  return CardinalWords(n) + " " + name;
}

}  // namespace parley::tts

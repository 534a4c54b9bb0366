// SPDX-License-Identifier: Apache-2.0
#include "tts/units.h"

#include <string>

namespace parley::tts {
namespace {

struct Unit {
  std::string_view symbol;  // exact case
  std::string_view singular;
  std::string_view plural;
  bool attached_only = false;  // with a blank before it, it is more often a word or a letter
};

constexpr Unit kUnits[] = {
    {"km/h", "kilometer per hour", "kilometers per hour"},
    {"kph", "kilometer per hour", "kilometers per hour"},
    {"mph", "mile per hour", "miles per hour"},
    {"m/s", "meter per second", "meters per second"},
    {"km", "kilometer", "kilometers"},
    {"cm", "centimeter", "centimeters"},
    {"mm", "millimeter", "millimeters"},
    {"nm", "nanometer", "nanometers"},
    {"m", "meter", "meters", true},
    {"mi", "mile", "miles"},
    {"ft", "foot", "feet"},
    {"yd", "yard", "yards"},
    {"in", "inch", "inches", true},
    {"kg", "kilogram", "kilograms"},
    {"mg", "milligram", "milligrams"},
    {"g", "gram", "grams"},
    {"lb", "pound", "pounds"},
    {"lbs", "pound", "pounds"},
    {"oz", "ounce", "ounces"},
    {"ml", "milliliter", "milliliters"},
    {"mL", "milliliter", "milliliters"},
    {"L", "liter", "liters"},
    {"l", "liter", "liters", true},
    {"ms", "millisecond", "milliseconds"},
    {"s", "second", "seconds", true},
    {"sec", "second", "seconds"},
    {"min", "minute", "minutes"},
    {"mins", "minute", "minutes"},
    {"h", "hour", "hours", true},
    {"hr", "hour", "hours"},
    {"hrs", "hour", "hours"},
    {"yrs", "year", "years"},
    {"Hz", "hertz", "hertz"},
    {"kHz", "kilohertz", "kilohertz"},
    {"MHz", "megahertz", "megahertz"},
    {"GHz", "gigahertz", "gigahertz"},
    {"KB", "kilobyte", "kilobytes"},
    {"kB", "kilobyte", "kilobytes"},
    {"MB", "megabyte", "megabytes"},
    {"GB", "gigabyte", "gigabytes"},
    {"TB", "terabyte", "terabytes"},
    {"Mbps", "megabit per second", "megabits per second"},
    {"Gbps", "gigabit per second", "gigabits per second"},
    {"W", "watt", "watts", true},
    {"kW", "kilowatt", "kilowatts"},
    {"MW", "megawatt", "megawatts"},
    {"kWh", "kilowatt hour", "kilowatt hours"},
    {"V", "volt", "volts", true},
    {"mAh", "milliamp hour", "milliamp hours"},
    {"kcal", "kilocalorie", "kilocalories"},
    {"dB", "decibel", "decibels"},
    {"sq", "square", "square"},
    {"tbsp", "tablespoon", "tablespoons"},
    {"tsp", "teaspoon", "teaspoons"},
};

}  // namespace

std::optional<UnitText> ScanUnit(const Reading& r, size_t at) {
  if (r.Code(at) == '%') return UnitText{"percent", "percent", at + 1};
  const size_t sign = r.Code(at) == ' ' ? at + 1 : at;
  if (r.Code(sign) == U'°') {
    const char32_t scale = r.Code(r.SkipSpaces(sign + 1));
    const size_t end = r.SkipSpaces(sign + 1) + 1;
    if (scale == 'F' && !IsAlnum(r.Code(end))) {
      return UnitText{"degree fahrenheit", "degrees fahrenheit", end};
    }
    if (scale == 'C' && !IsAlnum(r.Code(end))) {
      return UnitText{"degree celsius", "degrees celsius", end};
    }
    return UnitText{"degree", "degrees", sign + 1};
  }
  const size_t begin = sign;
  size_t end = r.EndOfLetters(begin);
  if (end == begin) return std::nullopt;
  if (r.Code(end) == '/' && IsLetter(r.Code(end + 1))) {  // km/h
    const size_t rest = r.EndOfLetters(end + 1);
    const std::string symbol = r.Text(begin, rest);
    for (const Unit& unit : kUnits) {
      if (unit.symbol == symbol) return UnitText{unit.singular, unit.plural, rest};
    }
  }
  if (IsAlnum(r.Code(end)) || r.Code(end) == '\'') return std::nullopt;
  const std::string symbol = r.Text(begin, end);
  for (const Unit& unit : kUnits) {
    if (unit.symbol != symbol || (unit.attached_only && begin > at)) continue;
    // The full stop of "5 kg." belongs to the abbreviation only inside a sentence.
    const size_t next = r.SkipSpaces(end + 1);
    if (r.Code(end) == '.' && next > end + 1 && IsLower(r.Code(next))) ++end;
    return UnitText{unit.singular, unit.plural, end};
  }
  return std::nullopt;
}

}  // namespace parley::tts

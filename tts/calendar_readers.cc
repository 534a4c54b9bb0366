// Dates, times of day and telephone numbers.
// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <optional>

#include "tts/number_scan.h"
#include "tts/number_words.h"
#include "tts/numeric_readers.h"

namespace parley::tts {
namespace {

bool IsDash(char32_t c) { return c == '-' || c == U'–'; }

std::optional<size_t> EndOfYear(const Reading& r, size_t at) {
  const size_t end = r.EndOfDigits(at);
  if (end != at + 4 || IsLetter(r.Code(end))) return std::nullopt;
  if (r.Code(at) != '1' && r.Code(at) != '2') return std::nullopt;
  return end;
}

// After a day of the month: "3", "3rd".
std::optional<size_t> EndOfDay(const Reading& r, size_t at) {
  const std::optional<size_t> digits = ScanSmall(r, at, 1, 31);
  if (!digits) return std::nullopt;
  for (const std::string_view ending : {"st", "nd", "rd", "th"}) {
    if (r.StartsWith(*digits, ending) && !IsAlnum(r.Code(*digits + 2))) return *digits + 2;
  }
  if (IsAlnum(r.Code(*digits)) || r.Code(*digits) == ':' || r.Code(*digits) == '%') {
    return std::nullopt;
  }
  if (r.Code(*digits) == '.' && IsDigit(r.Code(*digits + 1))) return std::nullopt;
  return digits;
}

std::string DayWords(const Reading& r, size_t begin, size_t end) {
  return OrdinalWords(r.Text(begin, std::min(r.EndOfDigits(begin), end)));
}

bool ReadNumericDate(Reading& r) {
  const size_t begin = r.at();
  if (const auto year = EndOfYear(r, begin); year && r.Code(*year) == '-') {  // 2025-03-14
    const auto month = ScanSmall(r, *year + 1, 1, 12);
    if (!month || r.Code(*month) != '-') return false;
    const auto day = ScanSmall(r, *month + 1, 1, 31);
    if (!day || IsDash(r.Code(*day))) return false;
    const int number = std::stoi(r.Text(*year + 1, *month));
    r.Say(std::string(MonthName(number)) + " " + OrdinalWords(r.Text(*month + 1, *day)) + " " +
              YearWords(r.Text(begin, *year)),
          begin, *day);
    r.MoveTo(*day);
    return true;
  }
  const auto month = ScanSmall(r, begin, 1, 12);  // 3/14/2025
  if (!month || r.Code(*month) != '/') return false;
  const auto day = ScanSmall(r, *month + 1, 1, 31);
  if (!day || r.Code(*day) != '/') return false;
  const auto year = EndOfYear(r, *day + 1);
  if (!year) return false;
  r.Say(std::string(MonthName(std::stoi(r.Text(begin, *month)))) + " " +
            OrdinalWords(r.Text(*month + 1, *day)) + " " + YearWords(r.Text(*day + 1, *year)),
        begin, *year);
  r.MoveTo(*year);
  return true;
}

// "March 3rd, 2025": a word each, so that each keeps its own span.
bool ReadMonthFirst(Reading& r) {
  const auto month = ScanMonth(r, r.at());
  if (!month) return false;
  const size_t day_begin = r.SkipSpaces(month->end);
  if (const auto year = EndOfYear(r, day_begin); year && day_begin > month->end) {
    r.Say(MonthName(month->month), r.at(), month->end);
    r.Say(YearWords(r.Text(day_begin, *year)), day_begin, *year);
    r.MoveTo(*year);
    return true;
  }
  const auto day = EndOfDay(r, day_begin);
  if (!day || day_begin == month->end) return false;
  r.Say(MonthName(month->month), r.at(), month->end);
  r.Say(DayWords(r, day_begin, *day), day_begin, *day);
  size_t end = *day;
  const bool comma = r.Code(end) == ',';
  const size_t year_begin = r.SkipSpaces(comma ? end + 1 : end);
  if (const auto year = EndOfYear(r, year_begin); year && year_begin > end) {
    if (comma) r.Pause(',');
    r.Say(YearWords(r.Text(year_begin, *year)), year_begin, *year);
    end = *year;
  }
  r.MoveTo(end);
  return true;
}

// "3 March 2025": "the third of march".
bool ReadDayFirst(Reading& r) {
  const auto day = EndOfDay(r, r.at());
  if (!day) return false;
  const size_t month_begin = r.SkipSpaces(*day);
  const auto month = ScanMonth(r, month_begin);
  if (!month || month_begin == *day) return false;
  const bool article = !r.words().empty() && r.words().back().text == "the";
  r.Say((article ? "" : "the ") + DayWords(r, r.at(), *day) + " of", r.at(), *day);
  r.Say(MonthName(month->month), month_begin, month->end);
  r.MoveTo(month->end);
  return true;
}

// am, a.m., pm after a time: the index after it.
std::optional<size_t> EndOfMeridiem(const Reading& r, size_t at) {
  const size_t begin = r.SkipSpaces(at);
  const char32_t first = r.Code(begin);
  if (first != 'a' && first != 'p' && first != 'A' && first != 'P') return std::nullopt;
  if (r.StartsWith(begin + 1, ".m") && !IsAlnum(r.Code(begin + 3))) {
    // The second full stop also ends a sentence when nothing, or a new one, follows.
    const size_t after = r.SkipSpaces(begin + 4);
    const bool ends = r.Code(begin + 3) == '.' && (after >= r.size() || r.Code(after) == '\n');
    return r.Code(begin + 3) == '.' && !ends ? begin + 4 : begin + 3;
  }
  if (r.StartsWith(begin + 1, "m") && !IsAlnum(r.Code(begin + 2))) return begin + 2;
  return std::nullopt;
}

std::string MinuteWords(const std::string& minutes) {
  if (minutes == "00") return "";
  return minutes[0] == '0' ? "oh " + CardinalWords(minutes) : CardinalWords(minutes);
}

}  // namespace

bool ReadDate(Reading& r) {
  if (IsAlnum(r.Before(r.at()))) return false;
  if (IsDigit(r.Here())) return ReadNumericDate(r) || ReadDayFirst(r);
  return ReadMonthFirst(r);
}

bool ReadTime(Reading& r) {
  const size_t begin = r.at();
  if (IsAlnum(r.Before(begin)) || r.Before(begin) == ':') return false;
  const auto hour = ScanSmall(r, begin, 0, 24);
  if (!hour) return false;
  size_t end = *hour;
  std::string words = CardinalWords(r.Text(begin, *hour));
  const bool with_minutes = r.Code(end) == ':' && r.EndOfDigits(end + 1) == end + 3 &&
                            ScanSmall(r, end + 1, 0, 59).has_value();
  std::string minutes;
  if (with_minutes) {
    minutes = r.Text(end + 1, end + 3);
    end += 3;
    if (r.Code(end) == ':' && r.EndOfDigits(end + 1) == end + 3) {  // hours, minutes, seconds
      const std::string seconds = r.Text(end + 1, end + 3);
      words += " " + (minutes == "00" ? std::string("zero") : MinuteWords(minutes)) + " and " +
               CardinalWords(seconds) + " seconds";
      r.Say(words, begin, end + 3);
      r.MoveTo(end + 3);
      return true;
    }
    if (IsAlnum(r.Code(end)) && !EndOfMeridiem(r, end)) return false;
  }
  const auto meridiem = EndOfMeridiem(r, end);
  if (!with_minutes && !meridiem) return false;
  if (with_minutes) {
    const std::string spoken = MinuteWords(minutes);
    const int value = std::stoi(r.Text(begin, *hour));
    if (!spoken.empty()) {
      words += " " + spoken;
    } else if (!meridiem) {
      words += value >= 1 && value <= 12 ? " o'clock" : " hundred hours";
    }
  }
  r.Say(words, begin, end);
  if (meridiem) {
    const size_t letter = r.SkipSpaces(end);
    r.SayLetters(r.Text(letter, letter + 1) + "m", letter, *meridiem);
    end = *meridiem;
  }
  r.MoveTo(end);
  return true;
}

bool ReadPhoneNumber(Reading& r) {
  const size_t begin = r.at();
  const char32_t before = r.Before(begin);
  if (IsAlnum(before) || before == '.' || before == '-' || before == '$') return false;
  std::vector<std::pair<size_t, size_t>> groups;
  size_t at = begin;
  const bool international = r.Here() == '+';
  if (international) ++at;
  char32_t separator = 0;
  while (groups.size() < 6) {
    const bool bracket = r.Code(at) == '(';
    const size_t digits = bracket ? at + 1 : at;
    const size_t end = r.EndOfDigits(digits);
    if (end == digits || end > digits + 5 || (bracket && r.Code(end) != ')')) break;
    groups.emplace_back(digits, end);
    at = bracket ? end + 1 : end;
    size_t next = at;
    if (const char32_t c = r.Code(at); c == '-' || c == '.' || c == ' ') {
      if (!bracket && groups.size() > 1 && separator != 0 && c != separator) break;
      if (!bracket) separator = c;
      next = at + 1;
    } else if (!bracket) {
      break;
    }
    if (!IsDigit(r.Code(next)) && r.Code(next) != '(') break;
    at = next;
  }
  const auto length = [&](size_t g) { return groups[g].second - groups[g].first; };
  const size_t n = groups.size();
  const size_t last_end = n == 0 ? begin : groups.back().second;
  if (n < 2 || IsAlnum(r.Code(last_end)) || length(n - 1) != 4) {
    if (!(international && n >= 3)) return false;
  }
  const bool local = n == 2 && length(0) == 3 && length(1) == 4 && r.Code(groups[0].second) == '-';
  const bool american = (n == 3 || (n == 4 && length(0) == 1)) && length(n - 2) == 3 &&
                        length(n - 3) == 3 && length(n - 1) == 4;
  if (!local && !american && !international) return false;
  for (size_t g = 0; g < n; ++g) {
    const std::string digits = r.Text(groups[g].first, groups[g].second);
    const size_t from = g == 0 ? begin : groups[g].first;
    const std::string plus = g == 0 && international ? "plus " : "";
    const bool freephone = digits == "800" || digits == "900";
    r.Say(plus + (freephone ? CardinalWords(digits) : DigitWords(digits)), from, groups[g].second);
    if (g + 1 < n) r.Pause(',');
  }
  r.MoveTo(last_end);
  return true;
}

}  // namespace parley::tts

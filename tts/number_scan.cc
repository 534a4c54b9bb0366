// SPDX-License-Identifier: Apache-2.0
#include "tts/number_scan.h"

#include <array>

namespace parley::tts {
namespace {

constexpr std::array<std::string_view, 12> kMonths{"january",   "february", "march",    "april",
                                                   "may",       "june",     "july",     "august",
                                                   "september", "october",  "november", "december"};

}  // namespace

std::optional<NumberText> ScanNumber(const Reading& r, size_t at) {
  NumberText number;
  size_t end = r.EndOfDigits(at);
  if (end == at && !(r.Code(at) == '.' && IsDigit(r.Code(at + 1)))) return std::nullopt;
  number.whole = r.Text(at, end);
  while (r.Code(end) == ',' && number.whole.size() <= 15 && end - at <= 20 &&
         r.EndOfDigits(end + 1) == end + 4 && (number.grouped || number.whole.size() <= 3)) {
    number.whole += r.Text(end + 1, end + 4);
    number.grouped = true;
    end += 4;
  }
  if (r.Code(end) == '.' && IsDigit(r.Code(end + 1))) {
    const size_t stop = r.EndOfDigits(end + 1);
    number.fraction = r.Text(end + 1, stop);
    end = stop;
  }
  number.end = end;
  return number;
}

std::optional<ScaleText> ScanScale(const Reading& r, size_t at) {
  const auto whole_word = [&](size_t begin) { return !IsAlnum(r.Code(r.EndOfLetters(begin))); };
  if (IsLetter(r.Code(at)) && whole_word(at)) {  // attached: 5k, 3M, 2bn
    const std::string suffix = r.Lower(at, r.EndOfLetters(at));
    const std::string_view words = suffix == "k"                     ? "thousand"
                                   : suffix == "m" || suffix == "mn" ? "million"
                                   : suffix == "b" || suffix == "bn" ? "billion"
                                   : suffix == "t" || suffix == "tn" ? "trillion"
                                                                     : "";
    if (!words.empty()) return ScaleText{std::string(words), r.EndOfLetters(at)};
  }
  const size_t word = r.SkipSpaces(at);
  for (const std::string_view name : {"hundred", "thousand", "million", "billion", "trillion"}) {
    if (r.Lower(word, r.EndOfLetters(word)) == name) {
      return ScaleText{std::string(name), word + name.size()};
    }
  }
  return std::nullopt;
}

std::optional<MonthText> ScanMonth(const Reading& r, size_t at) {
  if (!IsUpper(r.Code(at))) return std::nullopt;  // "may" and "march" in lower case are verbs
  const size_t end = r.EndOfLetters(at);
  const std::string name = r.Lower(at, end);
  for (size_t m = 0; m < kMonths.size(); ++m) {
    if (name == kMonths[m]) return MonthText{static_cast<int>(m) + 1, end};
    const bool short_form =
        name.size() >= 3 && name.size() <= 4 && kMonths[m].substr(0, name.size()) == name;
    if (short_form && (name.size() == 3 || name == "sept")) {
      return MonthText{static_cast<int>(m) + 1, r.Code(end) == '.' ? end + 1 : end};
    }
  }
  return std::nullopt;
}

std::string_view MonthName(int month) { return kMonths[static_cast<size_t>(month - 1)]; }

std::optional<size_t> ScanSmall(const Reading& r, size_t at, int lowest, int highest) {
  const size_t end = r.EndOfDigits(at);
  if (end == at || end > at + 2) return std::nullopt;
  const int value = std::stoi(r.Text(at, end));
  if (value < lowest || value > highest) return std::nullopt;
  return end;
}

}  // namespace parley::tts

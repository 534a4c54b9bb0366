// SPDX-License-Identifier: Apache-2.0
#include "tts/numeric_readers.h"

#include <optional>

#include "tts/number_scan.h"
#include "tts/number_words.h"
#include "tts/units.h"

namespace parley::tts {
namespace {

struct Currency {
  char32_t sign;
  std::string_view code;
  std::string_view one, many, cent, cents;
};

constexpr Currency kCurrencies[] = {
    {U'$', "usd", "dollar", "dollars", "cent", "cents"},
    {U'€', "eur", "euro", "euros", "cent", "cents"},
    {U'£', "gbp", "pound", "pounds", "penny", "pence"},
    {U'¥', "jpy", "yen", "yen", "", ""},
    {U'¢', "", "cent", "cents", "", ""},
};

const Currency* CurrencyAt(const Reading& r, size_t at) {
  for (const Currency& c : kCurrencies) {
    if (r.Code(at) == c.sign) return &c;
  }
  return nullptr;
}

const Currency* CurrencyAfter(const Reading& r, size_t at, size_t* end) {
  if (const Currency* c = CurrencyAt(r, at)) {
    *end = at + 1;
    return c;
  }
  const size_t begin = r.SkipSpaces(at);
  const size_t stop = r.EndOfLetters(begin);
  for (const Currency& c : kCurrencies) {
    if (stop == begin + 3 && IsUpper(r.Code(begin)) && r.Lower(begin, stop) == c.code) {
      *end = stop;
      return &c;
    }
  }
  return nullptr;
}

std::string MoneyWords(const NumberText& n, const Currency& c, const std::string& scale) {
  if (!scale.empty()) {
    return DecimalWords(n.whole, n.fraction) + " " + scale + " " + std::string(c.many);
  }
  const bool with_cents = n.fraction.size() == 2 && !c.cents.empty();
  if (!n.fraction.empty() && !with_cents) {
    return DecimalWords(n.whole, n.fraction) + " " + std::string(c.many);
  }
  const std::string whole = CardinalWords(n.whole.empty() ? "0" : n.whole);
  std::string words = whole + " " + std::string(whole == "one" ? c.one : c.many);
  if (!with_cents || n.fraction == "00") return words;
  const std::string part = CardinalWords(n.fraction);
  const std::string cents = part + " " + std::string(part == "one" ? c.cent : c.cents);
  return whole == "zero" ? cents : words + " and " + cents;
}

// Digits, dots and digits: 192.168.0.1, version 1.2.3.
bool ReadDotted(Reading& r) {
  const size_t begin = r.at();
  std::string words;
  size_t at = begin;
  int parts = 0;
  for (;;) {
    const size_t end = r.EndOfDigits(at);
    if (end == at) return false;
    const std::string digits = r.Text(at, end);
    words += (words.empty() ? "" : " dot ") +
             (digits.size() > 3 || (digits.size() > 1 && digits[0] == '0') ? DigitWords(digits)
                                                                           : CardinalWords(digits));
    ++parts;
    at = end;
    if (r.Code(at) != '.' || !IsDigit(r.Code(at + 1))) break;
    ++at;
  }
  if (parts < 3) return false;
  r.Say(words, begin, at);
  r.MoveTo(at);
  return true;
}

// 1/2, 24/7, 2 1/2 (the whole number has been said).
bool ReadFraction(Reading& r) {
  const size_t begin = r.at();
  const size_t slash = r.EndOfDigits(begin);
  const bool bar = r.Code(slash) == '/' || r.Code(slash) == U'⁄';
  const size_t end = r.EndOfDigits(slash + 1);
  if (slash == begin || !bar || end == slash + 1 || r.Code(end) == '/') return false;
  if (IsAlnum(r.Code(end)) || r.Code(end) == '%') return false;
  const std::string top = r.Text(begin, slash);
  const std::string bottom = r.Text(slash + 1, end);
  const bool after_whole = begin >= 2 && r.Before(begin) == ' ' && IsDigit(r.Code(begin - 2));
  std::string words;
  if ((top == "24" && bottom == "7") || (top == "9" && bottom == "11")) {
    words = CardinalWords(top) + " " + CardinalWords(bottom);
  } else {
    words = FractionWords(top, bottom);
    if (after_whole && top == "1") words = "a" + words.substr(words.find(' '));
    if (after_whole) words = "and " + words;
  }
  r.Say(words, begin, end);
  r.MoveTo(end);
  return true;
}

bool ReadOrdinal(Reading& r, const NumberText& n) {
  if (!n.fraction.empty() || n.whole.empty()) return false;
  for (const std::string_view ending : {"st", "nd", "rd", "th"}) {
    if (!r.StartsWith(n.end, ending) || IsAlnum(r.Code(n.end + 2))) continue;
    r.Say(OrdinalWords(n.whole), r.at(), n.end + 2);
    r.MoveTo(n.end + 2);
    return true;
  }
  return false;
}

bool ReadDecade(Reading& r, const NumberText& n) {
  size_t at = n.end;
  if (r.Code(at) == '\'') ++at;
  if (r.Code(at) != 's' || IsAlnum(r.Code(at + 1)) || !n.fraction.empty() || n.grouped) {
    return false;
  }
  const bool decade = (n.whole.size() == 2 || n.whole.size() == 4) && n.whole.back() == '0';
  const bool apostrophe = at > n.end;
  if (!decade && !apostrophe) return false;  // 5s is five seconds
  if (!decade) return false;
  r.Say(DecadeWords(n.whole), r.at(), at + 1);
  r.MoveTo(at + 1);
  return true;
}

bool LooksLikeYear(const NumberText& n) {
  return n.whole.size() == 4 && !n.grouped && n.fraction.empty() && n.whole >= "1100" &&
         n.whole <= "2099";
}

std::string PlainWords(const NumberText& n, bool year) {
  if (year) return YearWords(n.whole);
  if (n.fraction.empty() && n.whole.size() > 1 && n.whole[0] == '0') return DigitWords(n.whole);
  if (n.whole == "911" && n.fraction.empty()) return "nine one one";
  return DecimalWords(n.whole, n.fraction);
}

// What follows a number: a unit, a multiple, a range, an exponent.
void ReadAfterNumber(Reading& r, const NumberText& n, size_t begin, const std::string& sign) {
  const bool one = n.whole == "1" && n.fraction.empty();
  if (const auto unit = ScanUnit(r, n.end)) {
    const std::string words = sign + DecimalWords(n.whole, n.fraction);
    r.Say(words + " " + std::string(one ? unit->singular : unit->plural), begin, unit->end);
    r.MoveTo(unit->end);
    return;
  }
  const char32_t next = r.Code(n.end);
  if (next == '\'' && IsDigit(r.Code(n.end + 1)) && n.fraction.empty()) {  // 5'10"
    const size_t inches = r.EndOfDigits(n.end + 1);
    const size_t end = r.Code(inches) == '"' ? inches + 1 : inches;
    r.Say(CardinalWords(n.whole) + " foot " + CardinalWords(r.Text(n.end + 1, inches)), begin, end);
    r.MoveTo(end);
    return;
  }
  r.Say(sign + PlainWords(n, LooksLikeYear(n) && sign.empty()), begin, n.end);
  r.MoveTo(n.end);
  const bool to = (next == '-' || next == U'–' || next == ':') && IsDigit(r.Code(n.end + 1));
  if (to || (next == U'–' && r.Code(n.end + 1) == '$')) {
    r.Say("to", n.end, n.end + 1);
    r.MoveTo(n.end + 1);
  } else if (next == U'²' || next == U'³') {
    r.Say(next == U'²' ? "squared" : "cubed", n.end, n.end + 1);
    r.MoveTo(n.end + 1);
  } else if (next == U'½' || next == U'¼' || next == U'¾') {
    const std::string_view part = next == U'½'   ? "and a half"
                                  : next == U'¼' ? "and a quarter"
                                                 : "and three quarters";
    r.Say(part, n.end, n.end + 1);
    r.MoveTo(n.end + 1);
  } else if (next == 'x' && !IsAlnum(r.Code(n.end + 1))) {  // 3x faster
    r.Say("times", n.end, n.end + 1);
    r.MoveTo(n.end + 1);
  } else if ((next == 'x' || next == U'×') && IsDigit(r.Code(n.end + 1))) {  // 1920x1080
    r.Say("by", n.end, n.end + 1);
    r.MoveTo(n.end + 1);
  }
}

}  // namespace

bool ReadMoney(Reading& r) {
  const size_t begin = r.at();
  size_t at = begin;
  std::string sign;
  const bool minus = r.Code(at) == '-' || r.Code(at) == U'−';
  if (minus && CurrencyAt(r, at + 1) != nullptr && !IsAlnum(r.Before(at))) {
    sign = "minus ";
    ++at;
  }
  const Currency* currency = CurrencyAt(r, at);
  const bool sign_first = currency != nullptr;
  if (sign_first) ++at;
  if (sign_first && r.Code(at) == ' ') ++at;
  const auto number = ScanNumber(r, at);
  if (!number) return false;
  size_t end = number->end;
  std::string scale;
  if (const auto scaled = ScanScale(r, end); scaled && sign_first) {
    scale = scaled->words;
    end = scaled->end;
  }
  if (!sign_first) {
    if (IsAlnum(r.Before(begin))) return false;
    currency = CurrencyAfter(r, end, &end);
    if (currency == nullptr) return false;
  }
  r.Say(sign + MoneyWords(*number, *currency, scale), begin, end);
  r.MoveTo(end);
  const bool range = (r.Here() == '-' || r.Here() == U'–') &&
                     (IsDigit(r.Code(end + 1)) || CurrencyAt(r, end + 1) != nullptr);
  if (range) {
    r.Say("to", end, end + 1);
    r.MoveTo(end + 1);
  }
  return true;
}

bool ReadNumber(Reading& r) {
  const size_t begin = r.at();
  const bool inside_word = IsAlnum(r.Before(begin));
  std::string sign;
  size_t at = begin;
  const char32_t here = r.Here();
  if (!IsDigit(here)) {
    if (inside_word) return false;
    const bool digit_next = IsDigit(r.Code(begin + 1));
    const bool point_next = r.Code(begin + 1) == '.' && IsDigit(r.Code(begin + 2));
    if ((here == '-' || here == U'−') && (digit_next || point_next)) {
      sign = "minus ";
    } else if (here == '+' && digit_next) {
      sign = "plus ";
    } else if (here == '#' && digit_next) {
      sign = "number ";
    } else if (here == '~' && digit_next) {
      sign = "about ";
    } else if (here == '\'' && r.EndOfDigits(begin + 1) == begin + 3 && r.Code(begin + 3) == 's') {
      r.Say(DecadeWords(r.Text(begin + 1, begin + 3)), begin, begin + 4);  // '90s
      r.MoveTo(begin + 4);
      return true;
    } else if (!(here == '.' && digit_next)) {
      return false;
    }
    if (here != '.') ++at;
  }
  if (sign.empty() && (ReadDotted(r) || ReadFraction(r))) return true;
  const auto number = ScanNumber(r, at);
  if (!number) return false;
  if (sign.empty() && !inside_word && (ReadOrdinal(r, *number) || ReadDecade(r, *number))) {
    return true;
  }
  if (inside_word) {  // B17: no unit, no year
    r.Say(PlainWords(*number, false), begin, number->end);
    r.MoveTo(number->end);
    return true;
  }
  ReadAfterNumber(r, *number, begin, sign);
  return true;
}

}  // namespace parley::tts

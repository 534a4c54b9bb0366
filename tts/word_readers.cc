// SPDX-License-Identifier: Apache-2.0
#include "tts/word_readers.h"

#include <algorithm>

#include "tts/number_words.h"
#include "tts/word_tables.h"

namespace parley::tts {
namespace {

bool HasVowel(std::string_view lower) {
  return lower.find_first_of("aeiouy") != std::string_view::npos;
}

bool AllCapitals(const Reading& r, size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) {
    if (!IsUpper(r.Code(i))) return false;
  }
  return end > begin;
}

// The words before and after are in capitals as well: someone shouts, nothing is an acronym.
bool Shouted(const Reading& r, size_t begin, size_t end) {
  constexpr size_t kFar = 40;  // beyond that nobody is a neighbour
  size_t left = begin;
  while (left > 0 && !IsLetter(r.Before(left)) && r.Before(left) != '\n' && begin - left < kFar) {
    --left;
  }
  size_t left_begin = left;
  while (left_begin > 0 && IsLetter(r.Before(left_begin)) && left - left_begin < kFar) --left_begin;
  size_t right = end;
  while (right < r.size() && !IsLetter(r.Code(right)) && r.Code(right) != '\n' &&
         right - end < kFar) {
    ++right;
  }
  const size_t right_end = r.EndOfLetters(right);
  const bool left_word = left - left_begin >= 2;
  const bool right_word = right_end - right >= 2;
  const bool left_capitals = !left_word || AllCapitals(r, left_begin, left);
  const bool right_capitals = !right_word || AllCapitals(r, right, right_end);
  const size_t longest = std::max(left - left_begin, right_end - right);
  return (left_word || right_word) && left_capitals && right_capitals &&
         (longest >= 4 || (left_word && right_word));
}

// "iPhone" and "GitHub" are parts; "McDonald" is one.
size_t EndOfCamelPart(const Reading& r, size_t begin, size_t end) {
  const std::string lower = r.Lower(begin, end);
  if (lower.starts_with("mc") || lower.starts_with("mac") || lower.starts_with("o'")) {
    const size_t capitals = begin + (lower[1] == 'a' ? 3 : 2);
    if (!AllCapitals(r, capitals, end)) return end;
  }
  for (size_t i = begin + 1; i < end; ++i) {
    if (IsUpper(r.Code(i)) && IsLower(r.Before(i))) return i;
    const bool capitals_end = i >= begin + 2 && IsUpper(r.Before(i)) && IsUpper(r.Code(i - 2)) &&
                              IsLower(r.Code(i)) && !(r.Code(i) == 's' && i + 1 == end);
    if (capitals_end && i - 1 > begin) return i - 1;
  }
  return end;
}

void SayCapitals(Reading& r, size_t begin, size_t end, bool plural, size_t span_end) {
  const std::string capitals = r.Text(begin, end);
  const std::string lower = r.Lower(begin, end);
  const std::string_view special = SpecialReading(capitals);
  if (!special.empty()) {
    if (capitals == "PHD" || special.find(' ') == 1) {
      r.SayLetters(capitals, begin, span_end, plural);
    } else {
      r.Say(special, begin, span_end);
    }
    return;
  }
  const bool shouted = Shouted(r, begin, end);
  bool word = IsAcronymSaidAsWord(capitals);
  if (!word && HasVowel(lower) && !IsAcronymSpelled(capitals)) {
    const bool ambiguous = capitals == "IT" || capitals == "US" || capitals == "AM";
    const bool joined = r.Before(begin) == '&' || r.Code(end) == '&';  // AT&T
    word = !joined && (capitals.size() >= 4 || (shouted && capitals.size() == 3) ||
                       (IsCommonShortWord(lower) && (shouted || !ambiguous)));
  }
  if (word) {
    r.Say(lower + (plural ? "s" : ""), begin, span_end);
  } else {
    r.SayLetters(capitals, begin, span_end, plural);
  }
}

bool ReadRoman(Reading& r, size_t begin, size_t end) {
  const int value = RomanNumeral(r.Text(begin, end));
  if (value == 0 || r.words().empty() || r.Before(begin) != ' ' || begin < 2) return false;
  size_t name = begin - 1;
  while (name > 0 && IsLetter(r.Before(name))) --name;
  if (!IsUpper(r.Code(name)) || begin - 1 - name < 3) return false;
  const bool cardinal = TakesRomanNumber(r.Lower(name, begin - 1));
  if (!cardinal && end - begin < 2) return false;
  const std::string digits = std::to_string(value);
  r.Say(cardinal ? CardinalWords(digits) : "the " + OrdinalWords(digits), begin, end);
  r.MoveTo(end);
  return true;
}

void SaySingleLetter(Reading& r, size_t begin) {
  const char32_t c = r.Code(begin);
  const bool sentence_start = r.words().empty() || r.words().back().pause == '.' ||
                              r.words().back().pause == '?' || r.words().back().pause == '!';
  const size_t next = r.SkipSpaces(begin + 1);
  const bool before_word = next > begin + 1 && IsLetter(r.Code(next));
  const bool dotted = r.Code(begin + 1) == '.' && IsAlnum(r.Code(begin + 2));  // a.out
  const bool article = (c == 'a' && !dotted) || (c == 'A' && (sentence_start && before_word));
  if (article || c == 'I' || c == 'i') {
    r.Say(article ? "a" : "i", begin, begin + 1);
  } else if (c == 'O' && before_word) {
    r.Say("oh", begin, begin + 1);
  } else {
    r.SayLetters(r.Text(begin, begin + 1), begin, begin + 1);
  }
}

void SayPart(Reading& r, size_t begin, size_t end) {
  if (end - begin == 1) {
    const bool within = IsAlnum(r.Before(begin)) || IsAlnum(r.Code(end)) || r.Code(end) == '-' ||
                        r.Code(end) == '&' || r.Before(begin) == '&';
    if (within && r.Code(begin) != 'i') {
      r.SayLetters(r.Text(begin, end), begin, end);
    } else {
      SaySingleLetter(r, begin);
    }
    return;
  }
  if (AllCapitals(r, begin, end)) return SayCapitals(r, begin, end, false, end);
  if (r.Code(end - 1) == 's' && end - begin >= 3 && AllCapitals(r, begin, end - 1)) {  // GPUs
    return SayCapitals(r, begin, end - 1, true, end);
  }
  const std::string lower = r.Lower(begin, end);
  if (!HasVowel(lower) && end - begin <= 5) {  // "mp", "html", "tv"; "hmm" and "shh" are sounds
    const bool sound =
        lower.find_first_not_of("hms") == std::string::npos || lower.find_first_not_of(
                                                                   "p"
                                                                   "s"
                                                                   "t") == std::string::npos;
    if (!sound) return r.SayLetters(lower, begin, end);
  }
  r.Say(lower, begin, end);
}

// Index after the trailing characters of a run without blanks that can belong to an address.
size_t EndOfAddress(const Reading& r, size_t begin) {
  constexpr size_t kLongest = 2000;  // no address; keeps hostile texts linear
  size_t end = begin;
  while (end < r.size() && end - begin < kLongest && r.Code(end) > ' ' && r.Code(end) < 0x7F &&
         r.Code(end) != '"' && r.Code(end) != '<' && r.Code(end) != '>' && r.Code(end) != ')' &&
         r.Code(end) != ']') {
    ++end;
  }
  constexpr std::u32string_view kTrailing = U".,;:!?'*_`/";
  while (end > begin && kTrailing.find(r.Code(end - 1)) != std::u32string_view::npos) --end;
  return end;
}

bool LooksLikeHost(const std::string& host) {
  const size_t dot = host.rfind('.');
  if (dot == std::string::npos || dot == 0) return false;
  if (!IsDomainEnding(std::string_view(host).substr(dot + 1))) return false;
  return std::all_of(host.begin(), host.end(),
                     [](char c) {
                       return IsAlnum(static_cast<unsigned char>(c)) || c == '.' || c == '-';
                     }) &&
         host.find_first_of("abcdefghijklmnopqrstuvwxyz") < dot && host.find("..") == host.npos;
}

std::string_view AddressSign(char32_t c) {
  switch (c) {
    case '.':
      return "dot";
    case '/':
      return "slash";
    case '-':
      return "dash";
    case '_':
      return "underscore";
    case '@':
      return "at";
    case ':':
      return "colon";
    case '?':
      return "question mark";
    case '=':
      return "equals";
    case '#':
      return "hash";
    case '&':
      return "and";
    case '%':
      return "percent";
    case '~':
      return "tilde";
    case '+':
      return "plus";
    default:
      return {};
  }
}

void SayAddress(Reading& r, size_t begin, size_t end) {
  constexpr std::string_view kEndingsSaidAsWords[] = {"com", "org", "net", "gov", "info", "biz"};
  for (size_t at = begin; at < end;) {
    if (IsDigit(r.Code(at))) {
      const size_t stop = std::min(r.EndOfDigits(at), end);
      const std::string digits = r.Text(at, stop);
      const bool one_by_one = digits.size() > 4 || digits[0] == '0';
      r.Say(one_by_one ? DigitWords(digits) : YearWords(digits), at, stop);
      at = stop;
    } else if (IsLetter(r.Code(at))) {
      const size_t stop = std::min(r.EndOfLetters(at), end);
      const std::string lower = r.Lower(at, stop);
      const bool as_word = std::find(std::begin(kEndingsSaidAsWords), std::end(kEndingsSaidAsWords),
                                     lower) != std::end(kEndingsSaidAsWords);
      if (!as_word && (!HasVowel(lower) || lower.size() <= 2)) {
        r.SayLetters(lower, at, stop);
      } else {
        r.Say(lower, at, stop);
      }
      at = stop;
    } else {
      if (const std::string_view sign = AddressSign(r.Code(at)); !sign.empty()) {
        r.Say(sign, at, at + 1);
      }
      ++at;
    }
  }
}

}  // namespace

bool ReadAddress(Reading& r) {
  const size_t begin = r.at();
  if (!IsAlnum(r.Here()) || IsAlnum(r.Before(begin)) || r.Before(begin) == '.') return false;
  size_t end = EndOfAddress(r, begin);
  const std::string text = r.Lower(begin, end);
  size_t host = 0;
  const bool scheme = text.starts_with("http://") || text.starts_with("https://");
  if (scheme) host = text.find("//") + 2;
  const size_t at_sign = text.find('@');
  const size_t host_end = std::min(text.find_first_of("/?#:", host), text.size());
  const bool mail = !scheme && at_sign != std::string::npos && at_sign > 0 &&
                    text.find('.', at_sign) != std::string::npos &&
                    IsAlnum(static_cast<unsigned char>(text.back()));
  const bool site = host_end > host &&
                    (scheme || text.starts_with("www.") || LooksLikeHost(text.substr(0, host_end)));
  if (!mail && !site) return false;
  // Nobody listens to a long path: the host says where it is.
  constexpr size_t kLongestPath = 40;
  const bool long_path = site && text.size() - host_end > kLongestPath;
  SayAddress(r, begin + host, long_path ? begin + host_end : end);
  r.MoveTo(end);
  return true;
}

bool ReadAbbreviation(Reading& r) {
  const size_t begin = r.at();
  if (!IsLetter(r.Here()) || IsAlnum(r.Before(begin))) return false;
  const size_t end = r.EndOfLetters(begin);
  const bool dot = r.Code(end) == '.';
  const std::string lower = r.Lower(begin, end);

  if (dot && end == begin + 1 && IsLetter(r.Code(end + 1)) && r.Code(end + 2) == '.') {
    size_t stop = begin;  // letters and full stops in turn: U.S.A., e.g.
    std::string letters;
    while (IsLetter(r.Code(stop)) && r.Code(stop + 1) == '.') {
      letters += ToLower(r.Code(stop));
      stop += 2;
    }
    if (letters == "eg") {
      r.Say("for example", begin, stop);
    } else if (letters == "ie") {
      r.Say("that is", begin, stop);
    } else {
      r.SayLetters(letters, begin, stop);
    }
    r.MoveTo(stop);
    const size_t next = r.SkipSpaces(stop);
    if (next >= r.size() || r.Code(next) == '\n') r.Pause('.');
    return true;
  }
  if (lower == "ph" && dot && r.StartsWith(end + 1, "d.")) {
    r.SayLetters("phd", begin, end + 3);
    r.MoveTo(end + 3);
    return true;
  }
  if (lower == "w" && r.Code(end) == '/' &&
      (r.Code(end + 1) == ' ' || r.StartsWith(end + 1, "o "))) {
    const bool without = r.Code(end + 1) == 'o';
    r.Say(without ? "without" : "with", begin, without ? end + 2 : end + 1);
    r.MoveTo(without ? end + 2 : end + 1);
    return true;
  }

  const Abbreviation* found = FindAbbreviation(lower);
  if (found == nullptr || IsAlnum(r.Code(end)) || r.Code(end) == '\'') return false;
  const size_t stop = dot ? end + 1 : end;
  const size_t next = r.SkipSpaces(stop);
  const bool name_next = IsUpper(r.Code(next)) && next > stop;
  const bool digit_next = IsDigit(r.Code(next));
  std::string_view spoken = found->spoken;
  switch (found->when) {
    case Abbreviation::When::kWithDot:
      if (!dot) return false;
      break;
    case Abbreviation::When::kAlways:
      break;
    case Abbreviation::When::kBeforeDigit:
      if (!dot || !digit_next) return false;
      break;
    case Abbreviation::When::kBeforeName: {
      // "Main St. Turn left": after a name it is a street, before one a saint.
      const bool after_name = lower == "st" && !r.words().empty() && begin >= 2 &&
                              r.Before(begin) == ' ' && r.words().back().pause == 0 &&
                              IsLower(r.Code(begin - 2));
      size_t name = begin < 2 ? 0 : begin - 1;
      while (name > 0 && IsLetter(r.Before(name))) --name;
      if (after_name && IsUpper(r.Code(name))) {
        if (!dot) return false;
        spoken = "street";
      } else if (!name_next || (!dot && lower != "ms" && lower != "st" && lower != "mt")) {
        return false;
      }
      if (!IsUpper(r.Code(begin))) return false;
      break;
    }
  }
  const bool calendar = FindAbbreviation(lower)->spoken.ends_with("day");
  if (calendar && !IsUpper(r.Code(begin))) return false;
  r.Say(spoken, begin, stop);
  r.MoveTo(stop);
  if (dot && (next >= r.size() || r.Code(next) == '\n')) r.Pause('.');
  return true;
}

bool ReadWord(Reading& r) {
  const size_t begin = r.at();
  if (!IsLetter(r.Here())) return false;
  size_t end = r.EndOfLetters(begin);
  if (AllCapitals(r, begin, end) && end - begin >= 2 && !IsAlnum(r.Before(begin)) &&
      ReadRoman(r, begin, end)) {
    return true;
  }
  // Apostrophes between letters belong to the word: don't, o'clock, IBM's.
  size_t whole = end;
  while (r.Code(whole) == '\'' && IsLetter(r.Code(whole + 1))) whole = r.EndOfLetters(whole + 1);
  if (whole > end) {
    const std::string tail = r.Lower(end, whole);
    if (AllCapitals(r, begin, end) && end - begin >= 2 && tail == "'s") {
      SayCapitals(r, begin, end, true, whole);
    } else {
      r.Say(r.Lower(begin, whole), begin, whole);
    }
    r.MoveTo(whole);
    return true;
  }
  for (size_t part = begin; part < end;) {
    const size_t stop = EndOfCamelPart(r, part, end);
    SayPart(r, part, stop);
    part = stop;
  }
  r.MoveTo(end);
  return true;
}

}  // namespace parley::tts

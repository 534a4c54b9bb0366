// SPDX-License-Identifier: Apache-2.0
#include "tts/text_normalizer.h"

#include "common/check.h"
#include "tts/numeric_readers.h"
#include "tts/word_readers.h"

namespace parley::tts {
namespace {

struct Sign {
  char32_t code;
  std::string_view spoken;
};

constexpr Sign kSigns[] = {
    {'%', "percent"},
    {'&', "and"},
    {'@', "at"},
    {U'°', "degrees"},
    {U'×', "times"},
    {U'÷', "divided by"},
    {U'±', "plus or minus"},
    {U'≈', "approximately"},
    {U'≠', "is not equal to"},
    {U'≤', "less than or equal to"},
    {U'≥', "greater than or equal to"},
    {U'∞', "infinity"},
    {U'√', "square root of"},
    {U'²', "squared"},
    {U'³', "cubed"},
    {U'½', "one half"},
    {U'¼', "one quarter"},
    {U'¾', "three quarters"},
    {U'µ', "micro"},
    {U'μ', "mu"},
    {U'π', "pi"},
    {U'Ω', "ohm"},
    {U'∑', "sum"},
    {U'∆', "delta"},
    {U'α', "alpha"},
    {U'β', "beta"},
    {U'γ', "gamma"},
    {U'δ', "delta"},
    {U'θ', "theta"},
    {U'λ', "lambda"},
    {U'σ', "sigma"},
    {U'φ', "phi"},
    {U'ω', "omega"},
    {U'§', "section"},
    {U'№', "number"},
    {U'−', "minus"},
};

// Marks at the start of a line that structure it and are not spoken.
void SkipLineMarks(Reading& r) {
  for (;;) {
    const size_t begin = r.SkipSpaces(r.at());
    r.MoveTo(begin);
    const char32_t c = r.Here();
    size_t end = begin;
    while (r.Code(end) == c && end < r.size()) ++end;
    const size_t run = end - begin;
    const bool blank_after = IsSpace(r.Code(end)) || end >= r.size();
    const bool bullet = (c == '-' || c == '*' || c == '+' || c == U'•' || c == U'‣' || c == U'◦' ||
                         c == U'–' || c == U'∙' || c == U'·') &&
                        run == 1 && blank_after;
    const bool heading = c == '#' && run <= 6 && blank_after;
    const bool rule = (c == '-' || c == '*' || c == '_' || c == '=') && run >= 3 && blank_after;
    const bool quote = c == '>' || c == '|';
    if (c == '`' && run == 3) {  // a code fence with its language
      r.MoveTo(r.EndOfLetters(end));
      return;
    }
    if (!bullet && !heading && !rule && !quote) return;
    r.MoveTo(end);
  }
}

// "](https://…)": the target of a link is not spoken.
bool SkipLinkTarget(Reading& r) {
  if (r.Here() != ']' || r.Code(r.at() + 1) != '(') return false;
  size_t end = r.at() + 2;
  while (end < r.size() && r.Code(end) != ')' && !IsSpace(r.Code(end))) ++end;
  if (r.Code(end) != ')') return false;
  r.MoveTo(end + 1);
  return true;
}

// A line that goes on in lower case was only wrapped; everything else begins anew.
bool LineGoesOn(const Reading& r, size_t at) { return IsLower(r.Code(r.SkipSpaces(at))); }

char32_t NextSpoken(const Reading& r, size_t at) {
  while (at < r.size() && !IsAlnum(r.Code(at)) && r.Code(at) != '\n') ++at;
  return r.Code(at);
}

void ReadDots(Reading& r) {
  size_t end = r.at();
  while (r.Code(end) == '.' || r.Code(end) == U'…') ++end;
  const bool ellipsis = end - r.at() > 1 || r.Here() == U'…';
  const bool joined = IsAlnum(r.Before(r.at())) && IsAlnum(r.Code(end));
  if (ellipsis) {
    r.Pause(IsLower(NextSpoken(r, end)) ? ',' : '.');
  } else if (joined && !(IsLower(r.Before(r.at())) && IsUpper(r.Code(end)))) {
    r.Say("dot", r.at(), end);  // Node.js
  } else {
    r.Pause('.');
  }
  r.MoveTo(end);
}

void ReadDash(Reading& r) {
  size_t end = r.at();
  while (r.Code(end) == '-' || (r.Code(end) >= U'–' && r.Code(end) <= U'―')) ++end;
  const bool spaced = IsSpace(r.Before(r.at())) && IsSpace(r.Code(end));
  const bool numbers = r.at() >= 2 && IsDigit(r.Code(r.at() - 2)) && IsDigit(r.Code(end + 1));
  if (spaced && numbers) {
    r.Say(r.Here() == U'–' ? "to" : "minus", r.at(), end);
  } else if (spaced || end - r.at() > 1 || r.Here() == U'—') {
    r.Pause(',');
  }
  r.MoveTo(end);
}

// Signs whose meaning hangs on what stands around them. True: done with it.
bool ReadContextSign(Reading& r) {
  const size_t at = r.at();
  const char32_t before = r.Before(at);
  const char32_t after = r.Code(at + 1);
  const bool spaced = before == ' ' && after == ' ' && at > 0;
  const auto say = [&](std::string_view words, size_t end) {
    r.Say(words, at, end);
    r.MoveTo(end);
    return true;
  };
  switch (r.Here()) {
    case '+':
      if (spaced || IsAlnum(before) || before == '+') return say("plus", at + 1);
      return false;
    case '=': {
      size_t end = at;
      while (r.Code(end) == '=') ++end;
      if (end - at > 2 || (!spaced && !IsAlnum(before))) return false;
      return say("equals", end);
    }
    case '<':
    case '>': {
      const std::string_view words = r.Here() == '<' ? "less than" : "greater than";
      if (after == '=' && (before == ' ' || IsDigit(before))) {
        return say(std::string(words) + " or equal to", at + 2);
      }
      const bool prefix = before == ' ' && IsDigit(after);
      return (spaced || prefix || (IsDigit(before) && IsDigit(after))) && say(words, at + 1);
    }
    case '*': {
      const bool product = (spaced && (IsDigit(r.Code(at + 2)) || IsDigit(r.Code(at - 2)))) ||
                           (IsDigit(before) && IsDigit(after));
      return product && say("times", at + 1);
    }
    case '/':
      if (spaced && IsDigit(r.Code(at + 2))) return say("divided by", at + 1);
      if ((IsDigit(before) || (!r.words().empty() && r.words().back().char_end > 0 &&
                               r.words().back().text.ends_with("s") && IsDigit(before))) &&
          IsLetter(after)) {
        return say("per", at + 1);
      }
      return false;
    case '^':
      if (after == '2' && !IsDigit(r.Code(at + 2))) return say("squared", at + 2);
      if (after == '3' && !IsDigit(r.Code(at + 2))) return say("cubed", at + 2);
      return IsAlnum(before) && IsAlnum(after) && say("to the power of", at + 1);
    case '#':
      return IsLetter(after) && !IsAlnum(before) && say("hashtag", at + 1);
    case '$':
    case U'€':
    case U'£':
      return false;
    default:
      for (const Sign& sign : kSigns) {
        if (sign.code == r.Here()) return say(sign.spoken, at + 1);
      }
      return false;
  }
}

void ReadMark(Reading& r) {
  switch (r.Here()) {
    case '.':
    case U'…':
      return ReadDots(r);
    case '-':
    case U'–':
    case U'—':
    case U'―':
      return ReadDash(r);
    case ',':
    case ';':
    case '!':
    case '?':
      r.Pause(static_cast<char>(r.Here()));
      break;
    case ':':
      if (!IsAlnum(r.Code(r.at() + 1))) r.Pause(':');
      break;
    case '(':
    case ')':
    case '|':
      r.Pause(',');
      break;
    default:
      if (ReadContextSign(r)) return;
      break;  // quotes, brackets, markdown, pictures, other scripts: no sound
  }
  r.MoveTo(r.at() + 1);
}

bool ReadSpoken(Reading& r) {
  return ReadAddress(r) || ReadPhoneNumber(r) || ReadDate(r) || ReadTime(r) || ReadMoney(r) ||
         ReadNumber(r) || ReadAbbreviation(r) || ReadWord(r);
}

}  // namespace

std::vector<SpokenWord> NormalizeText(std::string_view text) {
  Reading r(text);
  SkipLineMarks(r);
  while (!r.AtEnd()) {
    const size_t before = r.at();
    if (r.Here() == '\n') {
      r.Pause(LineGoesOn(r, r.at() + 1) ? ',' : '.');
      r.MoveTo(r.at() + 1);
      SkipLineMarks(r);
    } else if (IsSpace(r.Here())) {
      r.MoveTo(r.at() + 1);
    } else if (!SkipLinkTarget(r) && !ReadSpoken(r)) {
      ReadMark(r);
    }
    PARLEY_CHECK(r.at() > before, "a reader must move on");
  }
  return r.TakeWords();
}

}  // namespace parley::tts

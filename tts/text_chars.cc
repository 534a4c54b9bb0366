// SPDX-License-Identifier: Apache-2.0
#include "tts/text_chars.h"

#include <array>
#include <cstdint>
#include <iterator>

namespace parley::tts {
namespace {

struct Decoded {
  char32_t code = kUnspoken;
  size_t length = 1;
};

// Strict UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
Decoded Decode(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(at);
  if (lead < 0x80) return {lead, 1};
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || at + length > text.size()) return {};
  char32_t code = lead & (0xFF >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return {};
    code = (code << 6) | (byte(at + i) & 0x3F);
  }
  constexpr std::array<char32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  if (code < kSmallest[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, length};
}

// U+00C0 … U+017F without their accents, in order; '?' has no Latin base letter.
constexpr std::string_view kLatinBase =
    "AAAAAAACEEEEIIII"
    "DNOOOOO?OUUUUYTs"
    "aaaaaaaceeeeiiii"
    "dnooooo?ouuuuyty"
    "AaAaAaCcCcCcCcDd"
    "DdEeEeEeEeEeGgGg"
    "GgGgHhHhIiIiIiIi"
    "IiIiJjKkkLlLlLlL"
    "lLlNnNnNnnNnOoOo"
    "OoOoRrRrRrSsSsSs"
    "SsTtTtTtUuUuUuUu"
    "UuUuWwYyYZzZzZzs";
static_assert(kLatinBase.size() == 0x180 - 0xC0);

// U+1EA0 … U+1EF9, Vietnamese: "Nguyễn".
constexpr std::string_view kVietnameseBase =
    "AaAaAaAaAaAaAaAaAaAaAaAaEeEeEeEeEeEeEeEeIiIiOoOo"
    "OoOoOoOoOoOoOoOoOoOoUuUuUuUuUuUuUuYyYyYyYy";
static_assert(kVietnameseBase.size() == 0x1EFA - 0x1EA0);

struct Replacement {
  char32_t code;
  std::string_view with;
};

constexpr Replacement kReplacements[] = {
    {0x00A0, " "},  {0x00AB, "\""}, {0x00BB, "\""}, {0x00C6, "Ae"},  {0x00DE, "Th"},
    {0x00DF, "ss"}, {0x00E6, "ae"}, {0x00FE, "th"}, {0x0132, "Ij"},  {0x0133, "ij"},
    {0x0152, "Oe"}, {0x0153, "oe"}, {0x1E9E, "ss"}, {0x2010, "-"},   {0x2011, "-"},
    {0x2018, "'"},  {0x2019, "'"},  {0x201A, "'"},  {0x201B, "'"},   {0x201C, "\""},
    {0x201D, "\""}, {0x201E, "\""}, {0x201F, "\""}, {0x2024, "."},   {0x2025, ".."},
    {0x2028, "\n"}, {0x2029, "\n"}, {0x202F, " "},  {0x2032, "'"},   {0x2033, "\""},
    {0x205F, " "},  {0x3000, " "},  {0x3001, ","},  {0x3002, "."},   {0x02BC, "'"},
    {0xFB00, "ff"}, {0xFB01, "fi"}, {0xFB02, "fl"}, {0xFB03, "ffi"}, {0xFB04, "ffl"},
};

// Signs that the normaliser has words for; everything else beyond Latin is kUnspoken.
constexpr std::u32string_view kSigns = U"¡¿£¥€¢§©®™°±×÷²³¹¼½¾µ–—―…•‣◦∙·−√∞≈≠≤≥→←πΩ∑∆αβγδθλμσφω№";

bool IsSilentMark(char32_t c) {
  return (c >= 0x0300 && c <= 0x036F) || c == 0x00AD || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x2064) ||
         (c >= 0xFE00 && c <= 0xFE0F) || c == 0xFEFF || c == 0x20E3;
}

}  // namespace

std::vector<TextChar> FoldText(std::string_view text) {
  std::vector<TextChar> chars;
  chars.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Decoded d = Decode(text, at);
    const size_t begin = at;
    const size_t end = at + d.length;
    at = end;
    const auto put = [&](char32_t c) { chars.push_back({c, begin, end}); };

    if (d.code < 0x80) {
      const bool space = d.code == '\r' || d.code == '\f' || d.code == '\v';
      put(space ? U' ' : d.code < 0x20 && d.code != '\n' && d.code != '\t' ? kUnspoken : d.code);
      continue;
    }
    if (IsSilentMark(d.code)) {  // belongs to the character before it
      if (!chars.empty() && chars.back().end == begin) chars.back().end = end;
      continue;
    }
    if (d.code >= 0x2000 && d.code <= 0x200A) {
      put(' ');
      continue;
    }
    if (d.code >= 0xFF01 && d.code <= 0xFF5E) {  // full-width ASCII
      put(d.code - 0xFF01 + '!');
      continue;
    }
    const Replacement* found = nullptr;
    for (const Replacement& r : kReplacements) {
      if (r.code == d.code) found = &r;
    }
    if (found != nullptr) {
      for (const char c : found->with) put(static_cast<unsigned char>(c));
    } else if (kSigns.find(d.code) != std::u32string_view::npos) {
      put(d.code);
    } else if (d.code >= 0xC0 && d.code < 0x180 && kLatinBase[d.code - 0xC0] != '?') {
      put(static_cast<unsigned char>(kLatinBase[d.code - 0xC0]));
    } else if (d.code >= 0x1EA0 && d.code <= 0x1EF9) {  // Vietnamese: Nguyễn
      const size_t i = d.code - 0x1EA0;
      put(static_cast<unsigned char>(kVietnameseBase[i]));
    } else {
      put(kUnspoken);
    }
  }
  return chars;
}

}  // namespace parley::tts

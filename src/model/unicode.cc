// SPDX-License-Identifier: Apache-2.0
#include "model/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>

#include "common/check.h"

namespace parley::model {
namespace {

uint8_t ByteAt(std::string_view text, size_t at) { return static_cast<uint8_t>(text[at]); }

// How a sequence may go on after its first byte: its length, and the range of the second byte, which excludes overlong
// forms, surrogates and values above U+10FFFF (table 3-7 of the Unicode standard).
struct Lead {
  size_t length = 0;  // 0: no sequence begins with this byte
  uint8_t low = 0x80;
  uint8_t high = 0xBF;
};

Lead LeadOf(uint8_t byte) {
  if (byte < 0x80) return {1};
  if (byte < 0xC2 || byte > 0xF4) return {0};
  if (byte < 0xE0) return {2};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {4};
}

// How many bytes from `at` on belong to one sequence, complete or not.
size_t MatchingBytes(std::string_view text, size_t at, const Lead& lead) {
  size_t matched = 1;
  while (matched < lead.length && at + matched < text.size()) {
    const uint8_t byte = ByteAt(text, at + matched);
    const uint8_t low = matched == 1 ? lead.low : uint8_t{0x80};
    const uint8_t high = matched == 1 ? lead.high : uint8_t{0xBF};
    if (byte < low || byte > high) break;
    ++matched;
  }
  return matched;
}

}  // namespace

Decoded DecodeAt(std::string_view text, size_t at) {
  const uint8_t first = ByteAt(text, at);
  if (first < 0x80) return {first, 1, true};
  const Lead lead = LeadOf(first);
  const size_t matched = MatchingBytes(text, at, lead);
  if (matched != lead.length) return {kReplacement, matched, false};
  char32_t character = first & (0x7FU >> lead.length);
  for (size_t i = 1; i < lead.length; ++i)
    character = (character << 6U) | (ByteAt(text, at + i) & 0x3FU);
  return {character, lead.length, true};
}

void AppendUtf8(std::string& out, char32_t character) {
  utf8proc_uint8_t buffer[4];
  const utf8proc_ssize_t size =
      utf8proc_encode_char(static_cast<utf8proc_int32_t>(character), buffer);
  out.append(reinterpret_cast<const char*>(buffer), static_cast<size_t>(size));
}

bool IsUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const Decoded decoded = DecodeAt(text, at);
    if (!decoded.valid) return false;
    at += decoded.bytes;
  }
  return true;
}

std::string ReplaceInvalid(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Decoded decoded = DecodeAt(text, at);
    if (decoded.valid) {
      out += text.substr(at, decoded.bytes);
    } else {
      AppendUtf8(out, kReplacement);
    }
    at += decoded.bytes;
  }
  return out;
}

size_t IncompleteTail(std::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const size_t at = text.size() - back;
    const uint8_t byte = ByteAt(text, at);
    if (byte < 0x80) return 0;
    if (byte < 0xC0) continue;  // a later byte of a sequence: its first is further left
    const Lead lead = LeadOf(byte);
    return lead.length > back && MatchingBytes(text, at, lead) == back ? back : 0;
  }
  return 0;
}

CharClass ClassOf(char32_t c) {
  if (c < 0x80) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return CharClass::kLetter;
    if (c >= '0' && c <= '9') return CharClass::kNumber;
    return c == ' ' || (c >= 9 && c <= 13) ? CharClass::kSpace : CharClass::kOther;
  }
  if (c == 0x85) return CharClass::kSpace;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return CharClass::kLetter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return CharClass::kNumber;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return CharClass::kSpace;
    default:
      return CharClass::kOther;
  }
}

std::string Nfc(std::string_view text) {
  // Nothing below U+0300 composes with anything: most text is done here.
  const auto composes = [](char byte) { return static_cast<uint8_t>(byte) >= 0xCC; };
  if (std::none_of(text.begin(), text.end(), composes)) return std::string(text);
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &mapped,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  PARLEY_CHECK(size >= 0, "Nfc takes UTF-8 only");
  std::string out(reinterpret_cast<const char*>(mapped), static_cast<size_t>(size));
  std::free(mapped);
  return out;
}

}  // namespace parley::model

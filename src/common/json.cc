// SPDX-License-Identifier: Apache-2.0
#include "common/json.h"

#include <charconv>
#include <cmath>
#include <cstddef>

namespace parley {
namespace {

// Length of the well-formed UTF-8 character at the start of `s`, 0 if there is none: overlong
// forms, surrogates and numbers beyond U+10FFFF are not well formed.
size_t Utf8Length(std::string_view s) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || s.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  if (lead == 0xE0 && second < 0xA0) return 0;
  if (lead == 0xED && second > 0x9F) return 0;
  if (lead == 0xF0 && second < 0x90) return 0;
  if (lead == 0xF4 && second > 0x8F) return 0;
  return length;
}

void AppendEscape(std::string& out, unsigned char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
  }
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    const auto first = static_cast<unsigned char>(text.front());
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (first < 0x20 || first == '"' || first == '\\' || first == 0x7F) {
      AppendEscape(out, first);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

void AppendJsonNumber(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value);
  out.append(digits, end.ptr);
}

JsonLine& JsonLine::Add(std::string_view key, std::string_view value) {
  AddRaw(key, "");
  AppendJsonString(out_, value);
  return *this;
}

JsonLine& JsonLine::Add(std::string_view key, const char* value) {
  return Add(key, std::string_view(value));
}

JsonLine& JsonLine::Add(std::string_view key, double value) {
  AddRaw(key, "");
  AppendJsonNumber(out_, value);
  return *this;
}

JsonLine& JsonLine::AddRaw(std::string_view key, std::string_view json) {
  if (out_.size() > 1) out_ += ',';
  AppendJsonString(out_, key);
  out_ += ':';
  out_ += json;
  return *this;
}

std::string JsonLine::Take() && {
  out_ += '}';
  return std::move(out_);
}

std::string JsonLine::Take() & { return out_ + '}'; }

}  // namespace parley

// SPDX-License-Identifier: Apache-2.0
#include "model/pretokenizer.h"

#include "model/unicode.h"

namespace parley::model {
namespace {

// One character and its class; at the end of the text `bytes` is 0.
struct Seen {
  char32_t character = 0;
  CharClass kind = CharClass::kOther;
  size_t bytes = 0;

  bool Is(CharClass k) const { return bytes > 0 && kind == k; }
  bool IsLineEnd() const { return bytes > 0 && (character == '\r' || character == '\n'); }
};

Seen Look(std::string_view text, size_t at) {
  if (at >= text.size()) return {};
  const Decoded decoded = DecodeAt(text, at);
  return {decoded.character, ClassOf(decoded.character), decoded.bytes};
}

// The end of the run of `kind` that begins at `at`.
size_t RunEnd(std::string_view text, size_t at, CharClass kind) {
  for (Seen seen = Look(text, at); seen.Is(kind); seen = Look(text, at)) at += seen.bytes;
  return at;
}

char32_t Lower(char32_t c) {
  if (c == 0x17F)
    return 's';  // LATIN SMALL LETTER LONG S: case-insensitive patterns take it for an s
  return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

// 's 't 'm 'd 're 've 'll: the end of it, or `at` when none stands there.
size_t ContractionEnd(std::string_view text, size_t at, bool any_case) {
  if (text[at] != '\'') return at;
  const Seen first = Look(text, at + 1);
  const char32_t a = any_case ? Lower(first.character) : first.character;
  const size_t after = at + 1 + first.bytes;
  if (first.bytes > 0 && (a == 's' || a == 't' || a == 'm' || a == 'd')) return after;
  const Seen second = Look(text, after);
  const char32_t b = any_case ? Lower(second.character) : second.character;
  const bool two = first.bytes > 0 && second.bytes > 0 &&
                   ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l'));
  return two ? after + second.bytes : at;
}

// \s+(?!\S)|\s+ : a run of spaces leaves its last one to the word that follows.
size_t SpacesEnd(std::string_view text, size_t at) {
  size_t last = at;
  size_t end = at;
  for (Seen seen = Look(text, end); seen.Is(CharClass::kSpace); seen = Look(text, end)) {
    last = end;
    end += seen.bytes;
  }
  return end == text.size() || last == at ? end : last;
}

size_t Gpt2WordEnd(std::string_view text, size_t at) {
  if (const size_t end = ContractionEnd(text, at, /*any_case=*/false); end != at) return end;
  Seen seen = Look(text, at);
  const size_t start = at;
  if (seen.character == ' ') {
    seen = Look(text, ++at);
    if (seen.bytes == 0) return at;
  }
  if (seen.kind == CharClass::kSpace) return SpacesEnd(text, start);
  return RunEnd(text, at, seen.kind);
}

size_t Qwen2WordEnd(std::string_view text, size_t at) {
  if (const size_t end = ContractionEnd(text, at, /*any_case=*/true); end != at) return end;
  const Seen first = Look(text, at);
  const size_t next = at + first.bytes;
  const Seen second = Look(text, next);
  if (first.Is(CharClass::kLetter)) return RunEnd(text, at, CharClass::kLetter);
  if (first.Is(CharClass::kNumber)) return next;
  if (!first.IsLineEnd() && second.Is(CharClass::kLetter))
    return RunEnd(text, next, CharClass::kLetter);
  const bool spaced = first.character == ' ' && second.Is(CharClass::kOther);
  if (spaced || first.Is(CharClass::kOther)) {
    size_t end = RunEnd(text, spaced ? next : at, CharClass::kOther);
    while (Look(text, end).IsLineEnd()) ++end;
    return end;
  }
  // Spaces: up to and with the last line end among them, else as in GPT-2.
  size_t line_end = at;
  size_t end = at;
  for (Seen seen = first; seen.Is(CharClass::kSpace); seen = Look(text, end)) {
    end += seen.bytes;
    if (seen.IsLineEnd()) line_end = end;
  }
  return line_end > at ? line_end : SpacesEnd(text, at);
}

void Cut(std::string_view text, size_t (*word_end)(std::string_view, size_t),
         std::vector<std::string_view>& out) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = word_end(text, at);
    out.push_back(text.substr(at, end - at));
    at = end;
  }
}

}  // namespace

std::optional<PreTokenizer> PreTokenizerOfPattern(std::string_view pattern) {
  if (pattern == R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)") {
    return PreTokenizer::kGpt2;
  }
  if (pattern ==
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)") {
    return PreTokenizer::kQwen2;
  }
  return std::nullopt;
}

std::vector<std::string_view> PreTokenize(PreTokenizer kind, std::string_view utf8) {
  std::vector<std::string_view> words;
  if (kind == PreTokenizer::kGpt2) Cut(utf8, Gpt2WordEnd, words);
  if (kind == PreTokenizer::kQwen2) Cut(utf8, Qwen2WordEnd, words);
  if (kind == PreTokenizer::kDigitsGpt2) {
    size_t start = 0;  // of what stands since the last digit; its look-ahead ends at the next one
    for (size_t at = 0; at < utf8.size();) {
      const Seen seen = Look(utf8, at);
      if (seen.kind == CharClass::kNumber) {
        Cut(utf8.substr(start, at - start), Gpt2WordEnd, words);
        words.push_back(utf8.substr(at, seen.bytes));
        start = at + seen.bytes;
      }
      at += seen.bytes;
    }
    Cut(utf8.substr(start), Gpt2WordEnd, words);
  }
  return words;
}

}  // namespace parley::model

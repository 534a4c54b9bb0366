// SPDX-License-Identifier: Apache-2.0
#include "realtime/listen/words.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace parley::realtime {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

bool Counts(char c) {  // letters, digits and everything beyond ASCII
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::string Bare(std::string_view word) {
  std::string bare;
  for (const char c : word) {
    if (Counts(c)) bare += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  return bare;
}

constexpr std::array<std::string_view, 21> kNumbers = {
    "zero",     "one",     "two",     "three",     "four",     "five",     "six",
    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",   "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"};

std::string BareInFigures(std::string_view word) {
  std::string bare = Bare(word);
  const auto found = std::find(kNumbers.begin(), kNumbers.end(), bare);
  if (found == kNumbers.end()) return bare;
  return std::to_string(found - kNumbers.begin());
}

// Text outside [brackets], (parentheses), *stars* and notes of music.
std::string WithoutMarks(std::string_view text) {
  std::string kept;
  char until = 0;
  for (const char c : text) {
    if (until != 0) {
      if (c == until) until = 0;
    } else if (c == '[' || c == '(' || c == '*') {
      until = c == '[' ? ']' : c == '(' ? ')' : '*';
    } else {
      kept += c;
    }
  }
  for (const std::string_view note : {"\u266a", "\u266b", "\u266c"}) {
    for (size_t at; (at = kept.find(note)) != std::string::npos;) kept.erase(at, note.size());
  }
  return kept;
}

// What Whisper writes over noise: endings of subtitled films and videos.
constexpr std::array<std::string_view, 8> kReadTooOften = {
    "you", "thankyou", "thanksforwatching", "thankyouforwatching", "bye", "byebye", "so", "oh"};

}  // namespace

std::vector<std::string_view> SplitWords(std::string_view text) {
  std::vector<std::string_view> words;
  for (size_t at = 0; at < text.size();) {
    if (IsSpace(text[at])) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < text.size() && !IsSpace(text[end])) ++end;
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

size_t SettledWords(const std::vector<std::string_view>& before,
                    const std::vector<std::string_view>& now) {
  constexpr size_t kAnchor = 3;
  constexpr std::array<std::pair<size_t, size_t>, 8> kSkips = {
      {{1, 1}, {0, 1}, {1, 0}, {2, 2}, {1, 2}, {2, 1}, {0, 2}, {2, 0}}};
  std::vector<std::string> a, b;
  for (const std::string_view word : before) a.push_back(BareInFigures(word));
  for (const std::string_view word : now) b.push_back(BareInFigures(word));
  const auto agree = [&](size_t i, size_t j, size_t count) {
    return i + count <= a.size() && j + count <= b.size() &&
           std::equal(a.begin() + static_cast<std::ptrdiff_t>(i),
                      a.begin() + static_cast<std::ptrdiff_t>(i + count),
                      b.begin() + static_cast<std::ptrdiff_t>(j));
  };
  const auto number = [](const std::vector<std::string>& words, size_t from, size_t count) {
    return std::any_of(words.begin() + static_cast<std::ptrdiff_t>(from),
                       words.begin() + static_cast<std::ptrdiff_t>(from + count),
                       [](const std::string& word) {
                         return word.find_first_of("0123456789") != std::string::npos;
                       });
  };
  for (size_t i = 0, j = 0;;) {
    while (agree(i, j, 1)) ++i, ++j;
    const auto skip = std::find_if(kSkips.begin(), kSkips.end(), [&](const auto& s) {
      return agree(i + s.first, j + s.second, kAnchor) && !number(a, i, s.first) &&
             !number(b, j, s.second);
    });
    if (skip == kSkips.end()) return j;
    i += skip->first;
    j += skip->second;
  }
}

std::string JoinWords(const std::vector<std::string_view>& words, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) text += ' ';
    text += words[i];
  }
  return text;
}

bool HoldsWords(const model::Transcript& transcript, Duration voiced) {
  const std::string bare = Bare(WithoutMarks(transcript.text));
  if (bare.empty()) return false;
  const auto& probs = transcript.log_probs;
  const double mean = probs.empty() ? 0.0
                                    : std::accumulate(probs.begin(), probs.end(), 0.0) /
                                          static_cast<double>(probs.size());
  // Whisper's own rule for a segment without speech.
  if (transcript.no_speech > 0.6F && mean < -1.0) return false;
  const bool suspect =
      std::find(kReadTooOften.begin(), kReadTooOften.end(), bare) != kReadTooOften.end();
  return !(suspect && (transcript.no_speech > 0.3F || voiced < milliseconds(160)));
}

}  // namespace parley::realtime

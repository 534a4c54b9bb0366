// SPDX-License-Identifier: Apache-2.0
#include "realtime/listen/words.h"

#include <algorithm>
#include <array>
#include <numeric>

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

size_t AgreedWords(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b) {
  const size_t most = std::min(a.size(), b.size());
  size_t agreed = 0;
  while (agreed < most && Bare(a[agreed]) == Bare(b[agreed])) ++agreed;
  return agreed;
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

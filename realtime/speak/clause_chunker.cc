// SPDX-License-Identifier: Apache-2.0
#include "realtime/speak/clause_chunker.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace parley::realtime {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// A full stop behind one of these ends no sentence.
constexpr std::array<std::string_view, 28> kAbbreviations = {
    "mr",  "mrs", "ms",  "dr",  "prof", "st",  "jr",   "sr",    "vs",   "etc",
    "e.g", "i.e", "no",  "vol", "fig",  "al",  "inc",  "co",    "corp", "ltd",
    "u.s", "a.m", "p.m", "jan", "feb",  "aug", "dept", "approx"};

// A long clause may break before one of these without losing its rhythm.
constexpr std::array<std::string_view, 22> kBreakBefore = {
    "and",   "but",  "or",    "because", "which",  "that",    "so",    "who",
    "where", "when", "while", "if",      "since",  "until",   "after", "before",
    "with",  "from", "about", "than",    "unless", "although"};

std::string Lower(std::string_view word) {
  std::string lower(word);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool IsAbbreviation(std::string_view word) {                              // without its full stop
  if (word.size() == 1 && IsLetter(word[0]) && word != "I") return true;  // an initial
  const std::string lower = Lower(word);
  return std::find(kAbbreviations.begin(), kAbbreviations.end(), lower) != kAbbreviations.end();
}

bool BreaksBefore(std::string_view word) {
  const std::string lower = Lower(word);
  return std::find(kBreakBefore.begin(), kBreakBefore.end(), lower) != kBreakBefore.end();
}

enum class Mark { kNone, kComma, kSentence };

// What the punctuation at the end of a word means, quotes and brackets behind it aside.
Mark MarkOf(std::string_view word, size_t words) {
  while (!word.empty() && (word.back() == '"' || word.back() == '\'' || word.back() == ')' ||
                           word.back() == ']' || word.back() == '*')) {
    word.remove_suffix(1);
  }
  for (const std::string_view quote : {"\u201d", "\u2019"}) {
    if (word.ends_with(quote)) word.remove_suffix(quote.size());
  }
  if (word.empty()) return Mark::kNone;
  if (word.ends_with("\u2026")) return Mark::kSentence;
  if (word.ends_with("\u2014") || word.ends_with("\u2013")) return Mark::kComma;
  switch (word.back()) {
    case '!':
    case '?':
      return Mark::kSentence;
    case ',':
    case ';':
    case ':':
      return Mark::kComma;
    case '.':
      break;
    default:
      return Mark::kNone;
  }
  word.remove_suffix(1);
  while (!word.empty() && !IsLetter(word.front()) && !IsDigit(word.front())) word.remove_prefix(1);
  const bool number = !word.empty() && std::all_of(word.begin(), word.end(), IsDigit);
  if (number && words == 1) return Mark::kNone;  // "1. Preheat the oven"
  return IsAbbreviation(word) ? Mark::kNone : Mark::kSentence;
}

}  // namespace

std::vector<Clause> ClauseChunker::Push(const AnswerText& more) {
  if (pending_) {
    pending_->Append(more);
  } else {
    pending_ = more;
  }
  return Take(false);
}

std::vector<Clause> ClauseChunker::Flush() { return Take(true); }

std::vector<Clause> ClauseChunker::Take(bool last) {
  std::vector<Clause> out;
  while (pending_) {
    const std::string_view text = pending_->view();
    const size_t lead =
        static_cast<size_t>(std::find_if_not(text.begin(), text.end(), IsSpace) - text.begin());
    if (lead > 0) {
      begin_ += lead;
      pending_ = pending_->Slice(lead, text.size());
      continue;
    }
    const std::optional<Cut> cut = FindCut(text, last);
    if (!cut) break;
    const size_t size = text.size();
    out.push_back({pending_->Slice(0, cut->end), begin_, begin_ + cut->end, cut->sentence});
    begin_ += cut->end;
    pending_ = pending_->Slice(cut->end, size);
    first_ = false;
  }
  return out;
}

// Walks over the whole words: one is whole when white space follows, or nothing more comes.
std::optional<ClauseChunker::Cut> ClauseChunker::FindCut(std::string_view text, bool last) const {
  const size_t most =
      static_cast<size_t>(first_ ? config_.first_clause_words : config_.clause_words);
  const size_t comma_after = first_ ? 3 : 6;  // words a clause that ends with a comma has
  const size_t soft_after =
      first_ ? (most + 1) / 2 : most / 2;  // words before a break without any mark
  size_t words = 0;
  size_t words_end = 0;
  for (size_t at = 0; at < text.size();) {
    if (words >= most) return Cut{words_end, false};
    size_t end = at;
    while (end < text.size() && !IsSpace(text[end])) ++end;
    if (end == text.size() && !last) return std::nullopt;
    const std::string_view word = text.substr(at, end - at);
    if (words >= soft_after && BreaksBefore(word)) return Cut{words_end, false};
    ++words;
    words_end = end;
    const Mark mark = MarkOf(word, words);
    if (mark == Mark::kSentence) return Cut{end, true};
    if (mark == Mark::kComma && words >= comma_after) return Cut{end, false};
    size_t next = end;
    bool line_end = false;
    while (next < text.size() && IsSpace(text[next])) line_end |= text[next++] == '\n';
    if (line_end && MarkOf(word, 2) != Mark::kNone) return Cut{end, true};
    if (line_end && next < text.size()) return Cut{end, true};
    at = next;
  }
  if (last && words > 0) return Cut{words_end, false};
  return std::nullopt;
}

}  // namespace parley::realtime

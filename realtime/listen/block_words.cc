// SPDX-License-Identifier: Apache-2.0
#include "realtime/listen/block_words.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "realtime/listen/words.h"

namespace parley::realtime {
namespace {

bool IsDigit(char32_t c) { return c >= U'0' && c <= U'9'; }

bool IsLetter(char32_t c) {
  if (c < 0x80) return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z');
  // Beyond ASCII nearly everything that a transcriber writes is a letter; these are not.
  const bool latin_mark = c < 0xc0 || c == 0xd7 || c == 0xf7;
  const bool punctuation = c >= 0x2000 && c <= 0x2bff;
  const bool wide_mark = (c >= 0x3000 && c <= 0x303f) || (c >= 0xff00 && c <= 0xff0f);
  return !latin_mark && !punctuation && !wide_mark && c != 0xfffd;
}

// Bytes that are no UTF-8 become U+FFFD, which is no letter.
std::u32string Decode(std::string_view text) {
  std::u32string out;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    char32_t c = lead < 0x80 ? lead : lead & (0xffU >> (length + 1));
    bool good = lead < 0x80 || (lead >= 0xc2 && lead < 0xf5);
    for (size_t k = 1; good && k < length; ++k) {
      good = i + k < text.size() && (static_cast<unsigned char>(text[i + k]) & 0xc0U) == 0x80;
      if (good) c = (c << 6U) | (static_cast<unsigned char>(text[i + k]) & 0x3fU);
    }
    out += good ? c : U'\ufffd';
    i += good ? length : 1;
  }
  return out;
}

void AppendUtf8(std::string& out, char32_t c) {
  const auto byte = [&out](char32_t b) { out += static_cast<char>(static_cast<uint8_t>(b)); };
  if (c < 0x80) return byte(c);
  if (c < 0x800) {
    byte(0xc0 | c >> 6U);
  } else {
    if (c < 0x10000) {
      byte(0xe0 | c >> 12U);
    } else {
      byte(0xf0 | c >> 18U);
      byte(0x80 | (c >> 12U & 0x3f));
    }
    byte(0x80 | (c >> 6U & 0x3f));
  }
  byte(0x80 | (c & 0x3f));
}

char32_t Lower(char32_t c) {
  const bool upper = (c >= U'A' && c <= U'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7);
  return upper ? c + 0x20 : c;
}

constexpr std::array<std::pair<char32_t, std::string_view>, 9> kSpelled = {
    {{U'+', "plus"},
     {U'-', "minus"},
     {U'\u2212', "minus"},
     {U'*', "times"},
     {U'\u00d7', "times"},
     {U'\u00f7', "divided by"},
     {U'=', "equals"},
     {U'&', "and"},
     {U'@', "at"}}};

std::string_view Spelled(char32_t c) {
  for (const auto& [sign, word] : kSpelled) {
    if (sign == c) return word;
  }
  return {};
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(Decode(text)) {}

  std::vector<std::string> Read() {
    for (at_ = 0; at_ < text_.size(); ++at_) Take(text_[at_]);
    Break();
    return std::move(words_);
  }

 private:
  char32_t Before() const { return at_ > 0 ? text_[at_ - 1] : U' '; }
  char32_t After() const { return at_ + 1 < text_.size() ? text_[at_ + 1] : U' '; }

  void Take(char32_t c) {
    const bool in_number = IsDigit(Before()) && IsDigit(After());
    if (IsLetter(c) || IsDigit(c)) {
      AppendUtf8(word_, Lower(c));
    } else if (c == U'\'' || c == U'\u2019') {
      if (IsLetter(Before()) && IsLetter(After())) word_ += '\'';
    } else if ((c == U'.' || c == U',' || c == U':' || c == U'/') && in_number) {
      word_ += static_cast<char>(c);
    } else if ((c == U'$' || c == U'\u00a3' || c == U'\u20ac') && IsDigit(After())) {
      AppendUtf8(word_, c);
    } else if (c == U'%' && IsDigit(Before())) {
      word_ += '%';
    } else if (!Spelled(c).empty()) {
      Sign(c);
    } else if (c == U'.' && IsLetter(Before()) && IsLetter(After())) {
      // "a.m.", "U.S.": the letters are one word
    } else {
      Break();
    }
  }

  // A sign is a word where it stands between blanks, or joins two numbers; else it only parts words.
  void Sign(char32_t c) {
    const bool alone = Before() == U' ' && After() == U' ';
    const bool joins = IsDigit(Before()) && IsDigit(After());
    Break();
    if ((alone && !words_.empty()) || (joins && c != U'-' && c != U'@')) {
      const std::string_view name = Spelled(c);
      const size_t blank = name.find(' ');
      words_.emplace_back(name.substr(0, blank));
      if (blank != std::string_view::npos) words_.emplace_back(name.substr(blank + 1));
    }
  }

  void Break() {
    if (!word_.empty()) words_.push_back(std::move(word_));
    word_.clear();
  }

  const std::u32string text_;
  size_t at_ = 0;
  std::string word_;
  std::vector<std::string> words_;
};

}  // namespace

std::vector<std::string> NormalisedWords(std::string_view text) { return Reader(text).Read(); }

size_t WordsToNote(std::span<const std::string> pending) {
  constexpr std::array<std::string_view, 18> kWaiting = {
      "a",   "an",    "the",   "and",  "of",  "two",    "three",  "four",   "five",
      "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "twenty", "thirty"};
  const auto waits = [&](const std::string& word) {
    const bool digits =
        std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
    return digits || std::find(kWaiting.begin(), kWaiting.end(), word) != kWaiting.end();
  };
  while (!pending.empty() && waits(pending.back())) pending = pending.first(pending.size() - 1);
  return pending.size();
}

std::optional<size_t> FirstCorrected(std::span<const size_t> sizes,
                                     const std::vector<std::string>& noted,
                                     const std::vector<std::string>& all) {
  if (all.size() < noted.size()) return std::nullopt;
  size_t at = 0;
  for (size_t k = 0; k < sizes.size(); ++k) {
    for (const size_t end = at + sizes[k]; at < end; ++at) {
      if (noted[at] != all[at] && SettledWords({noted[at]}, {all[at]}) == 0) return k;
    }
  }
  return std::nullopt;
}

size_t WordsNoted(const std::vector<std::string>& noted,
                  const std::vector<std::string>& final_words) {
  std::vector<size_t> distance(final_words.size() + 1);  // of the noted words so far to each prefix
  for (size_t j = 0; j < distance.size(); ++j) distance[j] = j;
  for (const std::string& word : noted) {
    size_t diagonal = distance[0]++;
    for (size_t j = 1; j < distance.size(); ++j) {
      const size_t change = diagonal + (word == final_words[j - 1] ? 0 : 1);
      diagonal = distance[j];
      distance[j] = std::min({change, distance[j] + 1, distance[j - 1] + 1});
    }
  }
  size_t best = 0;
  for (size_t j = 1; j < distance.size(); ++j) {
    if (distance[j] <= distance[best]) best = j;
  }
  return best;
}

}  // namespace parley::realtime

// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/disagreement.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "realtime/listen/block_words.h"

namespace parley::realtime {
namespace {

constexpr size_t kContentLetters = 4;  // shorter words are grammar more often than not

struct Content {
  std::vector<int64_t> numbers;
  std::vector<bool> verdicts;
  std::set<std::string> words;
};

std::optional<int64_t> SmallNumber(const std::string& word) {
  static const std::map<std::string, int64_t> kNumbers = {
      {"zero", 0},      {"none", 0},      {"one", 1},      {"two", 2},      {"three", 3},
      {"four", 4},      {"five", 5},      {"six", 6},      {"seven", 7},    {"eight", 8},
      {"nine", 9},      {"ten", 10},      {"eleven", 11},  {"twelve", 12},  {"dozen", 12},
      {"thirteen", 13}, {"fourteen", 14}, {"fifteen", 15}, {"sixteen", 16}, {"seventeen", 17},
      {"eighteen", 18}, {"nineteen", 19}, {"twenty", 20},  {"thirty", 30},  {"forty", 40},
      {"fifty", 50},    {"sixty", 60},    {"seventy", 70}, {"eighty", 80},  {"ninety", 90}};
  const auto found = kNumbers.find(word);
  return found == kNumbers.end() ? std::nullopt : std::optional(found->second);
}

std::optional<int64_t> Digits(const std::string& word) {
  std::string digits;
  for (const char c : word) {
    if (c >= '0' && c <= '9') digits += c;
  }
  if (digits.empty() || digits.size() > 15) return std::nullopt;
  return std::stoll(digits);
}

std::optional<bool> Verdict(const std::string& word) {
  static constexpr std::array kYes = {"yes", "true", "right", "correct", "valid", "truth"};
  static constexpr std::array kNo = {"no",    "not",     "false",     "wrong",
                                     "never", "invalid", "incorrect", "lies"};
  if (std::find(kYes.begin(), kYes.end(), word) != kYes.end()) return true;
  if (std::find(kNo.begin(), kNo.end(), word) != kNo.end() || word.ends_with("n't")) return false;
  return std::nullopt;
}

Content ContentOf(std::string_view text) {
  Content content;
  bool tens = false;  // the last word was "twenty", "thirty", …
  for (const std::string& word : NormalisedWords(text)) {
    if (const auto small = SmallNumber(word)) {
      const bool joins = tens && *small > 0 && *small < 10;
      if (joins) {
        content.numbers.back() += *small;
      } else {
        content.numbers.push_back(*small);
      }
      tens = !joins && *small >= 20;
      continue;
    }
    tens = false;
    if (word == "hundred" || word == "thousand") {
      if (content.numbers.empty()) content.numbers.push_back(1);
      content.numbers.back() *= word == "hundred" ? 100 : 1000;
    } else if (const auto digits = Digits(word)) {
      content.numbers.push_back(*digits);
    } else if (const auto verdict = Verdict(word)) {
      content.verdicts.push_back(*verdict);
    } else if (word.size() >= kContentLetters) {
      content.words.insert(word);
    }
  }
  return content;
}

template <class T>
bool Stands(const std::vector<T>& said, const std::vector<T>& answer) {
  return std::all_of(said.begin(), said.end(), [&](const T& value) {
    return std::find(answer.begin(), answer.end(), value) != answer.end();
  });
}

}  // namespace

bool Disagrees(std::string_view said_text, bool whole, std::string_view answer_text) {
  const Content said = ContentOf(said_text);
  const Content answer = ContentOf(answer_text);
  if (!Stands(said.numbers, answer.numbers) || !Stands(said.verdicts, answer.verdicts)) return true;
  if (!whole) return false;
  if (said.numbers.empty() && !answer.numbers.empty()) return true;
  if (said.verdicts.empty() && !answer.verdicts.empty()) return true;
  if (!answer.numbers.empty() || !answer.verdicts.empty() || said.words.empty()) return false;
  const auto shared = std::count_if(said.words.begin(), said.words.end(),
                                    [&](const auto& word) { return answer.words.count(word) > 0; });
  return static_cast<size_t>(shared) * 3 < said.words.size();
}

}  // namespace parley::realtime

// SPDX-License-Identifier: Apache-2.0
#include "app/grading.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <regex>

namespace parley::app {
namespace {

constexpr std::array<std::string_view, 20> kSmall = {
    "zero",     "one",     "two",     "three",     "four",     "five",    "six",
    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
constexpr std::array<std::string_view, 8> kTens = {"twenty", "thirty",  "forty",  "fifty",
                                                   "sixty",  "seventy", "eighty", "ninety"};

// Words and figures in lower case; "1,000" is one word, "twenty-one" two.
std::vector<std::string> WordsOf(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ' ';
    const bool digit = c >= '0' && c <= '9';
    const bool upper = c >= 'A' && c <= 'Z';
    const bool after_digit = !word.empty() && word.back() >= '0' && word.back() <= '9';
    if (c == ',' && after_digit && i + 1 < text.size() && text[i + 1] >= '0' &&
        text[i + 1] <= '9') {
      continue;
    }
    if (digit || upper || (c >= 'a' && c <= 'z') || c == '\'') {
      word += upper ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  return words;
}

template <size_t N>
std::optional<int64_t> IndexIn(const std::array<std::string_view, N>& names,
                               const std::string& word) {
  const auto found = std::find(names.begin(), names.end(), word);
  if (found == names.end()) return std::nullopt;
  return found - names.begin();
}

// The number that begins with words[at]; `at` moves behind it. "two hundred and five", "21".
std::optional<int64_t> NumberAt(const std::vector<std::string>& words, size_t& at) {
  const std::string& first = words[at];
  if (!first.empty() &&
      std::all_of(first.begin(), first.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    ++at;
    return first.size() > 15 ? -1 : std::stoll(first);
  }
  std::optional<int64_t> value;
  size_t end = at;
  const auto below_hundred = [&]() -> std::optional<int64_t> {
    if (end >= words.size()) return std::nullopt;
    if (const auto small = IndexIn(kSmall, words[end])) return ++end, *small;
    if (const auto tens = IndexIn(kTens, words[end])) {
      ++end;
      int64_t sum = (*tens + 2) * 10;
      if (end < words.size()) {
        const auto unit = IndexIn(kSmall, words[end]);
        if (unit && *unit > 0 && *unit < 10) ++end, sum += *unit;
      }
      return sum;
    }
    return std::nullopt;
  };
  value = below_hundred();
  if (!value) return std::nullopt;
  if (end < words.size() && (words[end] == "hundred" || words[end] == "thousand")) {
    *value *= words[end] == "hundred" ? 100 : 1000;
    ++end;
    const size_t before = end;
    if (end < words.size() && words[end] == "and") ++end;
    if (const auto rest = below_hundred()) {
      *value += *rest;
    } else {
      end = before;
    }
  }
  at = end;
  return value;
}

std::string InWords(int64_t number) {
  if (number < 0 || number > 99) return std::to_string(number);
  const auto n = static_cast<size_t>(number);
  if (n < kSmall.size()) return std::string(kSmall[n]);
  std::string words(kTens[n / 10 - 2]);
  return n % 10 == 0 ? words : words + "-" + std::string(kSmall[n % 10]);
}

// The same words with every number in figures, or in words.
std::string WithNumbers(std::string_view text, std::string (*write)(int64_t)) {
  const std::vector<std::string> words = WordsOf(text);
  std::string out;
  for (size_t at = 0; at < words.size();) {
    if (!out.empty()) out += ' ';
    if (const auto number = NumberAt(words, at)) {
      out += write(*number);
    } else {
      out += words[at++];
    }
  }
  return out;
}

Result<bool> Found(const std::vector<std::string>& expressions,
                   const std::vector<std::string>& texts) {
  for (const std::string& expression : expressions) {
    try {
      const std::regex regex(expression, std::regex::icase | std::regex::ECMAScript);
      for (const std::string& text : texts) {
        if (std::regex_search(text, regex)) return true;
      }
    } catch (const std::regex_error& error) {
      return Fail(Code::kInvalidArgument,
                  "\"" + expression + "\" is no regular expression: " + error.what());
    }
  }
  return false;
}

}  // namespace

std::optional<int64_t> FirstNumber(std::string_view text) {
  const std::vector<std::string> words = WordsOf(text);
  for (size_t at = 0; at < words.size(); ++at) {
    if (const auto number = NumberAt(words, at)) return number;
  }
  return std::nullopt;
}

Result<Grade> GradeAnswer(const GradingRule& rule, std::string_view answer) {
  const std::vector<std::string> texts = {
      std::string(answer), WithNumbers(answer, [](int64_t n) { return std::to_string(n); }),
      WithNumbers(answer, InWords)};
  Grade grade;
  PARLEY_TRY(grade.forbidden, Found(rule.forbid, texts));
  grade.right = !grade.forbidden && !answer.empty();
  if (!rule.accept.empty()) {
    PARLEY_TRY(const bool accepted, Found(rule.accept, texts));
    grade.right = grade.right && accepted;
  }
  if (rule.number) grade.right = grade.right && FirstNumber(answer) == rule.number;
  if (!rule.begins.empty()) {
    const std::vector<std::string> words = WordsOf(answer);
    grade.right = grade.right && !words.empty() && words.front() == rule.begins;
  }
  return grade;
}

Share IntervalOf(int64_t k, int64_t n) {
  if (n <= 0) return {};
  constexpr double kZ = 1.959964;
  const auto count = static_cast<double>(n);
  const double p = static_cast<double>(k) / count;
  const double middle = (p + kZ * kZ / (2 * count)) / (1 + kZ * kZ / count);
  const double half =
      kZ * std::sqrt(p * (1 - p) / count + kZ * kZ / (4 * count * count)) / (1 + kZ * kZ / count);
  return {std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

}  // namespace parley::app

// SPDX-License-Identifier: Apache-2.0
#include "realtime/turn/own_voice.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

namespace parley::realtime {
namespace {

constexpr size_t kLongWord = 5;  // letters of a word that counts alone

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || byte >= 0x80) {
      words.back() += static_cast<char>(std::tolower(byte));
    } else if (c != '\'' && !words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

// A transcriber cuts words that begin or end in the middle of what it hears.
bool Alike(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const std::string& shorter = a.size() < b.size() ? a : b;
  const std::string& longer = a.size() < b.size() ? b : a;
  return shorter.size() >= 4 && (longer.starts_with(shorter) || longer.ends_with(shorter));
}

}  // namespace

bool IsOwnVoice(std::string_view heard_text, std::string_view said_text) {
  const std::vector<std::string> heard = Words(heard_text), said = Words(said_text);
  if (heard.empty() || said.empty()) return false;
  // The longest row of words that both have in one order.
  std::vector<size_t> row(said.size() + 1), before(said.size() + 1);
  for (const std::string& word : heard) {
    std::swap(row, before);
    for (size_t j = 0; j < said.size(); ++j) {
      row[j + 1] = Alike(word, said[j]) ? before[j] + 1 : std::max(row[j], before[j + 1]);
    }
  }
  const size_t common = row.back();
  if (heard.size() == 1) return common == 1 && heard[0].size() >= kLongWord;
  return 3 * common >= 2 * heard.size();
}

}  // namespace parley::realtime

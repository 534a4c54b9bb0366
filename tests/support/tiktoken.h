// A tokenizer.json of Qwen2, made from the ranks as tiktoken writes them ("base64 rank" a line): the way to read a real
// vocabulary of that family through the reader that real checkpoints come through.
// Thread:   pure functions for test code.
// Memory:   the whole file, as JSON: some 20 MB.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace parley::test {

using TokenRanks = std::unordered_map<std::string, int32_t>;

inline std::string FromBase64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) break;  // the padding
    bits = bits << 6U | static_cast<uint32_t>(digit);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes += static_cast<char>(bits >> held & 0xFFU);
  }
  return bytes;
}

// GPT-2's letter for each byte: printable ones stand for themselves, the rest for what follows U+00FF.
inline std::array<std::string, 256> ByteLetters() {
  std::array<std::string, 256> letters;
  uint32_t fresh = 0x100;
  for (uint32_t b = 0; b < 256; ++b) {
    const bool kept = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
    const uint32_t c = kept ? b : fresh++;
    letters[b] = c < 0x80 ? std::string(1, static_cast<char>(c))
                          : std::string{static_cast<char>(0xC0U | c >> 6U),
                                        static_cast<char>(0x80U | (c & 0x3FU))};
  }
  return letters;
}

// The two tokens that this one is the merge of: what is left of its bytes when the ranks below its own have merged.
inline std::pair<std::string, std::string> Halves(const std::string& token,
                                                  const TokenRanks& ranks) {
  std::vector<std::string> parts;
  for (const char byte : token) parts.emplace_back(1, byte);
  while (parts.size() > 2) {
    size_t best = 0;
    int32_t best_rank = std::numeric_limits<int32_t>::max();
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto found = ranks.find(parts[i] + parts[i + 1]);
      if (found == ranks.end() || found->second >= best_rank) continue;
      best = i;
      best_rank = found->second;
    }
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
  return {parts.front(), parts.back()};
}

inline nlohmann::json Qwen2TokenizerJson(const std::string& tiktoken_path) {
  TokenRanks ranks;
  std::vector<std::string> by_rank;
  std::ifstream file(tiktoken_path);
  std::string word;
  for (int32_t rank = 0; file >> word >> rank;) {
    by_rank.push_back(FromBase64(word));
    ranks[by_rank.back()] = rank;
  }
  const auto letters = ByteLetters();
  const auto spell = [&](const std::string& token) {
    std::string text;
    for (const char byte : token) text += letters[static_cast<uint8_t>(byte)];
    return text;
  };
  nlohmann::json vocab = nlohmann::json::object(), merges = nlohmann::json::array();
  for (const std::string& token : by_rank) {
    vocab[spell(token)] = ranks[token];
    if (token.size() == 1) continue;
    const auto [left, right] = Halves(token, ranks);
    merges.push_back({spell(left), spell(right)});
  }
  nlohmann::json added = nlohmann::json::array();
  auto id = static_cast<int32_t>(by_rank.size());
  for (const char* name : {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}) {
    added.push_back({{"id", id++}, {"content", name}, {"special", true}, {"normalized", false}});
  }
  const char* pattern =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  const nlohmann::json split = {{"type", "Split"},
                                {"pattern", {{"Regex", pattern}}},
                                {"behavior", "Isolated"},
                                {"invert", false}};
  const nlohmann::json bytes = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  return {{"normalizer", {{"type", "NFC"}}},
          {"pre_tokenizer",
           {{"type", "Sequence"}, {"pretokenizers", nlohmann::json::array({split, bytes})}}},
          {"model", {{"type", "BPE"}, {"vocab", std::move(vocab)}, {"merges", std::move(merges)}}},
          {"added_tokens", std::move(added)}};
}

}  // namespace parley::test

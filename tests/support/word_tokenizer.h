// A tokenizer for tests: every word is one id, given out at first sight, its leading space included; punctuation and
// line ends are ids of their own. "Yes, I do." is |Yes|,| I| do|.|. Special tokens get the first ids.
// Thread:   const calls from any thread (one lock).
// Memory:   a word is kept for ever: tests only.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cctype>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/tokenizer.h"

namespace parley::test {

class WordTokenizer final : public model::Tokenizer {
 public:
  explicit WordTokenizer(std::vector<std::string> specials = {"<|im_start|>", "<|im_end|>"})
      : specials_(static_cast<TokenId>(specials.size())) {
    for (std::string& name : specials) Intern(std::move(name));
  }

  std::vector<TokenId> Encode(
      std::string_view text,
      model::SpecialTokens special = model::SpecialTokens::kAsText) const override {
    const std::lock_guard lock(mutex_);
    std::vector<TokenId> ids;
    while (!text.empty()) {
      size_t length = special == model::SpecialTokens::kParse ? SpecialAt(text) : 0;
      if (length == 0) length = PieceLength(text);
      ids.push_back(Intern(std::string(text.substr(0, length))));
      text.remove_prefix(length);
    }
    return ids;
  }

  std::string_view Bytes(TokenId id) const override {
    const std::lock_guard lock(mutex_);
    return id >= specials_ && id < static_cast<TokenId>(pieces_.size())
               ? std::string_view(pieces_[static_cast<size_t>(id)])
               : std::string_view();
  }

  std::optional<TokenId> Find(std::string_view token) const override {
    const std::lock_guard lock(mutex_);
    const auto found = ids_.find(std::string(token));
    if (found == ids_.end() || found->second >= specials_) return std::nullopt;
    return found->second;
  }

  bool IsSpecial(TokenId id) const override { return id >= 0 && id < specials_; }
  int32_t vocabulary() const override { return 1 << 20; }

 private:
  static bool IsWord(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '\'' || (c & 0x80) != 0;
  }
  static size_t PieceLength(std::string_view text) {
    size_t n = text[0] == ' ' ? 1 : 0;
    if (n >= text.size() || !IsWord(text[n])) return n == 0 ? 1 : n;
    while (n < text.size() && IsWord(text[n])) ++n;
    return n;
  }
  size_t SpecialAt(std::string_view text) const {
    for (TokenId id = 0; id < specials_; ++id) {
      const std::string& name = pieces_[static_cast<size_t>(id)];
      if (text.starts_with(name)) return name.size();
    }
    return 0;
  }
  TokenId Intern(std::string piece) const {
    const auto [entry, fresh] = ids_.emplace(piece, static_cast<TokenId>(pieces_.size()));
    if (fresh) pieces_.push_back(std::move(piece));
    return entry->second;
  }

  TokenId specials_;
  mutable std::mutex mutex_;
  mutable std::deque<std::string> pieces_;      // {mutex_} by id; a deque: Bytes() stays valid
  mutable std::map<std::string, TokenId> ids_;  // {mutex_}
};

}  // namespace parley::test

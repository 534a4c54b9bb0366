// Tells of a thought in pieces that can be read: whole lines, or when it ends. An empty piece tells
// of tokens only.
// Thread:   plain value.
// Memory:   one line.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "realtime/mind/mind.h"

namespace parley::realtime {

class ThoughtTeller {
 public:
  void Add(const std::string& text, int64_t tokens, ThoughtWhile when,
           std::vector<mind::Action>& out) {
    when_ = when;
    text_ += text;
    tokens_ += tokens;
    const size_t line = text_.rfind('\n');
    if (line == std::string::npos && text_.size() < kLongest) return;
    Give(line == std::string::npos ? text_.size() : line + 1, out);
  }
  void End(std::vector<mind::Action>& out) { Give(text_.size(), out); }

 private:
  static constexpr size_t kLongest = 240;
  void Give(size_t size, std::vector<mind::Action>& out) {
    std::string told = text_.substr(0, size);
    text_.erase(0, size);
    if (told.find_first_not_of(" \n") == std::string::npos) told.clear();
    if (told.empty() && tokens_ == 0) return;
    out.emplace_back(
        mind::Think{ThoughtText(std::move(told)), when_, std::exchange(tokens_, int64_t{0})});
  }

  std::string text_;
  int64_t tokens_ = 0;
  ThoughtWhile when_ = ThoughtWhile::kGap;
};

}  // namespace parley::realtime

// SPDX-License-Identifier: Apache-2.0
#include "engine/stop_matcher.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace parley::engine {

StopMatcher::StopMatcher(std::vector<std::string> texts, const model::Tokenizer* tokenizer)
    : texts_(std::move(texts)), tokenizer_(tokenizer) {
  std::erase_if(texts_, [](const std::string& text) { return text.empty(); });
  PARLEY_CHECK(texts_.empty() || tokenizer_ != nullptr, "stop texts need a tokenizer");
  for (const std::string& text : texts_) longest_ = std::max(longest_, text.size());
  bytes_.reserve(longest_ + 256);
  ends_.reserve(longest_ + 16);
}

StopMatcher::Outcome StopMatcher::Push(TokenId id) {
  if (texts_.empty()) return {.release = 1, .matched = false, .text = {}};
  bytes_ += tokenizer_->Bytes(id);
  ends_.push_back(bytes_.size());
  if (const size_t match = FindMatch(); match != std::string::npos) {
    const auto first_kept_back = std::upper_bound(ends_.begin(), ends_.end(), match);
    const auto release = static_cast<int>(first_kept_back - ends_.begin());
    const size_t begin = release == 0 ? 0 : ends_[static_cast<size_t>(release) - 1];
    return {.release = release,
            .matched = true,
            .text = std::string_view(bytes_).substr(begin, match - begin)};
  }
  return {.release = Release(FindPossible()), .matched = false, .text = {}};
}

size_t StopMatcher::FindMatch() const {
  size_t earliest = std::string::npos;
  for (const std::string& text : texts_) earliest = std::min(earliest, bytes_.find(text));
  return earliest;
}

size_t StopMatcher::FindPossible() const {
  const size_t first = bytes_.size() < longest_ ? 0 : bytes_.size() - longest_ + 1;
  for (size_t offset = first; offset < bytes_.size(); ++offset) {
    const std::string_view tail = std::string_view(bytes_).substr(offset);
    for (const std::string& text : texts_) {
      if (text.size() > tail.size() && std::string_view(text).starts_with(tail)) return offset;
    }
  }
  return bytes_.size();
}

int StopMatcher::Release(size_t safe_bytes) {
  const auto first_held = std::upper_bound(ends_.begin(), ends_.end(), safe_bytes);
  const auto release = static_cast<int>(first_held - ends_.begin());
  if (release == 0) return 0;
  const size_t gone = ends_[static_cast<size_t>(release) - 1];
  bytes_.erase(0, gone);
  ends_.erase(ends_.begin(), first_held);
  for (size_t& end : ends_) end -= gone;
  return release;
}

}  // namespace parley::engine

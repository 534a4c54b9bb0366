// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/parser.h"

#include <algorithm>
#include <utility>

namespace parley::realtime {
namespace {

// How much of the end of `text` could be the beginning of `tag`.
size_t OpenTag(std::string_view text, std::string_view tag) {
  for (size_t n = std::min(text.size(), tag.size() - 1); n > 0; --n) {
    if (text.substr(text.size() - n) == tag.substr(0, n)) return n;
  }
  return 0;
}

}  // namespace

AnswerParser::AnswerParser(std::shared_ptr<const model::Tokenizer> tokenizer, ParserOptions options)
    : tokenizer_(std::move(tokenizer)),
      options_(std::move(options)),
      stream_(tokenizer_),
      in_thought_(options_.begins_in_thought) {}

std::vector<AnswerParser::Piece> AnswerParser::Push(TokenId id) {
  std::vector<Piece> out;
  if (tokenizer_->IsSpecial(id)) {
    ++special_dropped_;
    return out;
  }
  bytes_in_ += tokenizer_->Bytes(id).size();
  std::string text = stream_.Push(id);
  bytes_out_ += text.size();
  stream_clean_ = bytes_in_ == bytes_out_;
  Take(std::move(text), false, out);
  return out;
}

std::vector<AnswerParser::Piece> AnswerParser::Flush() {
  std::vector<Piece> out;
  Take(stream_.Flush(), true, out);
  bytes_in_ = bytes_out_ = 0;
  stream_clean_ = true;
  return out;
}

void AnswerParser::Take(std::string text, bool last, std::vector<Piece>& out) {
  held_ += text;
  // In an answer both tags are looked for: a model that closes a thought it never opened does not
  // get the tag spoken.
  for (;;) {
    const size_t open = held_.find(options_.open_tag);
    const size_t close = held_.find(options_.close_tag);
    const size_t at = std::min(open, close);
    if (at == std::string::npos) break;
    Give(std::string_view(held_).substr(0, at), out);
    const bool opens = open < close;
    held_.erase(0, at + (opens ? options_.open_tag : options_.close_tag).size());
    in_thought_ = opens;
  }
  const size_t keep =
      last ? 0 : std::max(OpenTag(held_, options_.open_tag), OpenTag(held_, options_.close_tag));
  Give(std::string_view(held_).substr(0, held_.size() - keep), out);
  held_.erase(0, held_.size() - keep);
}

void AnswerParser::Give(std::string_view text, std::vector<Piece>& out) {
  if (in_thought_) {
    if (!text.empty()) out.emplace_back(ThoughtText(std::string(text)));
    return;
  }
  if (!answer_begun_) {
    const size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return;
    text.remove_prefix(first);
    answer_begun_ = true;
  }
  if (!text.empty()) out.emplace_back(AnswerText(AnswerText::Key(), std::string(text)));
}

}  // namespace parley::realtime

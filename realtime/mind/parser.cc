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
      in_thought_(options_.begins_in_thought),
      tagged_(in_thought_ && !options_.close_id),
      answer_begun_(options_.goes_on) {}

std::vector<AnswerParser::Piece> AnswerParser::Push(TokenId id) {
  std::vector<Piece> out;
  if (tokenizer_->IsSpecial(id)) {
    if (id == options_.call_id) {
      call_by_id_ = true;
    } else if (call_by_id_ && id == options_.call_end_id) {
      call_by_id_ = false;
      out.emplace_back(ParseToolCall(std::exchange(call_, std::string())));
    } else if (id == options_.close_id && in_thought_) {
      return EndThought();
    } else {
      ++special_dropped_;
    }
    return out;
  }
  bytes_in_ += tokenizer_->Bytes(id).size();
  const std::string text = stream_.Push(id);
  bytes_out_ += text.size();
  stream_clean_ = bytes_in_ == bytes_out_;
  if (call_by_id_) {
    if (call_.size() < kLongestCall) call_ += text;
    return out;
  }
  Take(text, false, out);
  return out;
}

std::vector<AnswerParser::Piece> AnswerParser::Flush() {
  std::vector<Piece> out;
  if (std::exchange(call_by_id_, false)) {
    out.emplace_back(ParseToolCall(std::exchange(call_, std::string()) + stream_.Flush()));
  } else {
    Take(stream_.Flush(), true, out);
  }
  bytes_in_ = bytes_out_ = 0;
  stream_clean_ = true;
  return out;
}

std::vector<AnswerParser::Piece> AnswerParser::EndThought() {
  std::vector<Piece> out = Flush();
  in_thought_ = tagged_ = false;
  return out;
}

// Calls first: a tag inside a call's string is a part of the string.
void AnswerParser::Take(std::string_view text, bool last, std::vector<Piece>& out) {
  const auto split = [&](std::vector<ToolCallScanner::Piece> pieces) {
    for (ToolCallScanner::Piece& piece : pieces) {
      if (auto* more = std::get_if<std::string>(&piece)) {
        SplitThought(*more, false, out);
      } else {
        SplitThought({}, true, out);  // a tag does not reach across a call
        out.emplace_back(std::move(std::get<Result<ToolCall>>(piece)));
      }
    }
  };
  split(calls_.Push(text));
  if (!last) return;
  split(calls_.Flush());
  SplitThought({}, true, out);
}

void AnswerParser::SplitThought(std::string_view text, bool last, std::vector<Piece>& out) {
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
    if (in_thought_ && !tagged_) continue;  // what a mark has opened, only a mark closes
    in_thought_ = tagged_ = opens;
  }
  size_t keep = 0;
  for (const std::string_view tag : {std::string_view(options_.open_tag),
                                     std::string_view(options_.close_tag), kCallTag, kCallEndTag}) {
    keep = std::max(keep, OpenTag(held_, tag));
  }
  // A stream that ends inside a tag has said nothing with it; a '<' alone is one of the answer's.
  const bool tag_begun = keep > 1 && !in_thought_;
  const size_t give = last && !tag_begun ? held_.size() : held_.size() - keep;
  Give(std::string_view(held_).substr(0, give), out);
  held_.erase(0, last ? held_.size() : give);
}

AnswerText AnswerParser::Spoken(Phrase phrase) {
  const auto text = [phrase]() -> const char* {
    switch (phrase) {
      case Phrase::kCover:
        return "Let me think. ";
      case Phrase::kToolCover:
        return "Let me look that up. ";
      case Phrase::kToolFailed:
        return "Sorry, that did not work. ";
      case Phrase::kCorrection:
        return " Wait, let me correct that. ";
    }
    return "";
  };
  return {AnswerText::Key(), text()};
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

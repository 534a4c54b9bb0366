// SPDX-License-Identifier: Apache-2.0
#include "realtime/history/trunk.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace parley::realtime {
namespace {

void AppendTo(std::vector<TokenId>& to, const std::vector<TokenId>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

Trunk::Trunk(const HistoryConfig& config, int32_t answer_tokens, PromptPieces pieces,
             std::shared_ptr<const model::Tokenizer> tokenizer)
    : max_tokens_(static_cast<size_t>(config.max_tokens)),
      answer_tokens_(static_cast<size_t>(answer_tokens)),
      pieces_(std::move(pieces)),
      tokenizer_(std::move(tokenizer)) {}

TrunkEdit Trunk::Open() {
  PARLEY_CHECK(ids_.empty(), "a trunk is opened once");
  return Become(pieces_.system);
}

TrunkEdit Trunk::Diff(const std::vector<TokenId>& wanted) const {
  const auto [ours, theirs] = std::mismatch(ids_.begin(), ids_.end(), wanted.begin(), wanted.end());
  return {ours - ids_.begin(), std::vector<TokenId>(theirs, wanted.end())};
}

TrunkEdit Trunk::Become(std::vector<TokenId> wanted) {
  TrunkEdit edit = Diff(wanted);
  ids_ = std::move(wanted);
  return edit;
}

// Everything before the open exchange, the opening of the user's turn, and one tokenisation of the text.
std::vector<TokenId> Trunk::WithUser(std::string_view text) {
  if (state_ == State::kIdle) begin_ = ids_.size();
  std::vector<TokenId> wanted(ids_.begin(), ids_.begin() + static_cast<int64_t>(begin_));
  AppendTo(wanted, pieces_.user_open);
  std::vector<TokenId> words = tokenizer_->Encode(text);
  const size_t around =
      wanted.size() + pieces_.answer_open.size() + pieces_.answer_close.size() + answer_tokens_;
  const size_t room = max_tokens_ > around ? max_tokens_ - around : 1;
  if (words.size() > room) {
    truncated_tokens_ += static_cast<int64_t>(words.size() - room);
    words.erase(words.begin(), words.end() - static_cast<int64_t>(room));
  }
  AppendTo(wanted, words);
  return wanted;
}

TrunkEdit Trunk::Hear(std::string_view text_so_far) {
  PARLEY_CHECK(state_ != State::kAnswer, "the user's words come before the answer");
  std::vector<TokenId> wanted = WithUser(text_so_far);
  const size_t before = ids_.size();
  TrunkEdit edit = Become(std::move(wanted));
  reprefilled_ += static_cast<int64_t>(before) - edit.keep;
  state_ = State::kUser;
  return edit;
}

TrunkEdit Trunk::Unhear() {
  if (state_ != State::kUser) return {size(), {}};
  state_ = State::kIdle;
  return Become(std::vector<TokenId>(ids_.begin(), ids_.begin() + static_cast<int64_t>(begin_)));
}

TrunkEdit Trunk::Ask(std::string_view text) {
  std::vector<TokenId> wanted = WithUser(text);
  AppendTo(wanted, pieces_.answer_open);
  return Diff(wanted);
}

void Trunk::Asked(const TrunkEdit& edit, std::string_view text) {
  PARLEY_CHECK(state_ != State::kAnswer && edit.keep <= size(), "the edit is of this trunk");
  reprefilled_ += size() - edit.keep;
  ids_.resize(static_cast<size_t>(edit.keep));
  AppendTo(ids_, edit.append);
  user_ = text;
  words_end_ = ids_.size() - pieces_.answer_open.size();
  answer_begin_ = ids_.size();
  state_ = State::kAnswer;
}

void Trunk::Answered(TokenId id) {
  PARLEY_CHECK(state_ == State::kAnswer, "an answer's id outside an answer");
  ids_.push_back(id);
}

TrunkEdit Trunk::CloseAnswer(size_t ids, std::string_view tail, std::string_view heard_text) {
  PARLEY_CHECK(state_ == State::kAnswer && answer_begin_ + ids <= ids_.size(),
               "an answer is closed behind ids it has");
  std::vector<TokenId> wanted(ids_.begin(),
                              ids_.begin() + static_cast<int64_t>(answer_begin_ + ids));
  if (!tail.empty()) AppendTo(wanted, tokenizer_->Encode(tail));
  AppendTo(wanted, pieces_.answer_close);
  exchanges_.push_back({begin_, user_, std::string(heard_text)});
  state_ = State::kIdle;

  // The oldest exchanges go, as many as leave room for a question of a quarter of everything.
  const size_t room = answer_tokens_ + max_tokens_ / 4;
  size_t forget = 0;
  size_t cut = pieces_.system.size();
  while (forget + 1 < exchanges_.size() &&
         pieces_.system.size() + wanted.size() - cut + room > max_tokens_) {
    cut = exchanges_[++forget].begin;
  }
  if (forget > 0) {
    const size_t gone = cut - pieces_.system.size();
    wanted.erase(wanted.begin() + static_cast<int64_t>(pieces_.system.size()),
                 wanted.begin() + static_cast<int64_t>(cut));
    exchanges_.erase(exchanges_.begin(), exchanges_.begin() + static_cast<int64_t>(forget));
    for (Exchange& exchange : exchanges_) exchange.begin -= gone;
    forgotten_ += static_cast<int64_t>(forget);
  }
  return Become(std::move(wanted));
}

TrunkEdit Trunk::Reopen() {
  PARLEY_CHECK(state_ == State::kAnswer, "a question is opened again after it was asked");
  reprefilled_ += static_cast<int64_t>(ids_.size() - words_end_);
  state_ = State::kUser;
  return Become(
      std::vector<TokenId>(ids_.begin(), ids_.begin() + static_cast<int64_t>(words_end_)));
}

}  // namespace parley::realtime

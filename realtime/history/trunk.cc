// SPDX-License-Identifier: Apache-2.0
#include "realtime/history/trunk.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/check.h"

namespace parley::realtime {
namespace {

void AppendTo(std::vector<TokenId>& to, const std::vector<TokenId>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

Trunk::Trunk(const HistoryConfig& config, int32_t room, PromptPieces pieces,
             std::shared_ptr<const model::Tokenizer> tokenizer)
    : max_tokens_(static_cast<size_t>(config.max_tokens)),
      room_(static_cast<size_t>(room)),
      pieces_(std::move(pieces)),
      tokenizer_(std::move(tokenizer)) {}

TrunkEdit Trunk::Open() {
  PARLEY_CHECK(ids_.empty(), "a trunk is opened once");
  TrunkEdit edit = Become(pieces_.system);
  begin_ = ids_.size();
  return edit;
}

TrunkEdit Trunk::Diff(const std::vector<TokenId>& wanted) const {
  const auto [ours, theirs] = std::mismatch(ids_.begin(), ids_.end(), wanted.begin(), wanted.end());
  return {ours - ids_.begin(), std::vector<TokenId>(theirs, wanted.end()), ours != ids_.end()};
}

TrunkEdit Trunk::Become(std::vector<TokenId> wanted) {
  TrunkEdit edit = Diff(wanted);
  ids_ = std::move(wanted);
  return edit;
}

// Everything before the open exchange, the opening of the user's turn, and one tokenisation of the
// text, of which the beginning is lost when it alone is too long.
std::vector<TokenId> Trunk::WithUser(std::string_view text, size_t behind, int64_t* lost) const {
  std::vector<TokenId> wanted(ids_.begin(), ids_.begin() + static_cast<int64_t>(begin_));
  AppendTo(wanted, pieces_.user_open);
  std::vector<TokenId> words = frames_;
  if (frames_.empty()) {
    words = tokenizer_->Encode(text);
  } else {
    AppendTo(wanted, pieces_.audio_open);
  }
  const size_t around = wanted.size() + behind + pieces_.answer_close.size() + room_;
  const size_t room = max_tokens_ > around ? max_tokens_ - around : 1;
  if (words.size() > room) {
    if (lost != nullptr) *lost += static_cast<int64_t>(words.size() - room);
    words.erase(words.begin(), words.end() - static_cast<int64_t>(room));
  }
  AppendTo(wanted, words);
  return wanted;
}

// The user's words and what stands behind them.
std::vector<TokenId> Trunk::Asked(std::string_view text, const std::vector<TokenId>& answer_open,
                                  int64_t* lost) const {
  const std::vector<TokenId> behind = Behind(answer_open);
  std::vector<TokenId> wanted = WithUser(text, behind.size(), lost);
  AppendTo(wanted, behind);
  return wanted;
}

std::vector<TokenId> Trunk::Behind(const std::vector<TokenId>& answer_open) const {
  std::vector<TokenId> ids;
  if (!frames_.empty()) {
    ids = pieces_.audio_close;
    AppendTo(ids, typed_);
  }
  AppendTo(ids, answer_open);
  return ids;
}

TrunkEdit Trunk::Hear(std::string_view text_so_far) {
  exchange_open_ = true;
  const size_t before = ids_.size();
  TrunkEdit edit = Become(WithUser(text_so_far, Behind(pieces_.answer_open).size(), nullptr));
  reprefilled_ += static_cast<int64_t>(before) - edit.keep;
  return edit;
}

TrunkEdit Trunk::Unhear() {
  exchange_open_ = false;
  frames_.clear();
  typed_.clear();
  return Become(std::vector<TokenId>(ids_.begin(), ids_.begin() + static_cast<int64_t>(begin_)));
}

TrunkEdit Trunk::Ask(std::string_view text, const std::vector<TokenId>& answer_open) const {
  return Diff(Asked(text, answer_open, nullptr));
}

TrunkEdit Trunk::AskHeard(std::string_view text, const std::vector<TokenId>& answer_open) const {
  const size_t heard = WithUser(text, Behind(pieces_.answer_open).size(), nullptr).size();
  return {static_cast<engine::Position>(heard), Behind(answer_open), false};
}

void Trunk::Adopt(std::vector<TokenId> ids) {
  exchange_open_ = true;
  reprefilled_ += size() - Diff(ids).keep;
  ids_ = std::move(ids);
}

void Trunk::Took(TokenId id) {
  exchange_open_ = true;
  ids_.push_back(id);
}

TrunkEdit Trunk::RollBack(engine::Position keep) {
  PARLEY_CHECK(keep >= begin() && keep <= size(), "a closed exchange is not rolled back");
  return Become(std::vector<TokenId>(ids_.begin(), ids_.begin() + keep));
}

TrunkEdit Trunk::Close(std::string_view user, std::span<const TokenId> answer,
                       std::string_view tail, std::string_view heard_text) {
  if (!pieces_.frames_are_kept) frames_.clear();
  std::vector<TokenId> wanted = Asked(user, pieces_.answer_open, &truncated_tokens_);
  const size_t answer_begin = wanted.size();
  wanted.insert(wanted.end(), answer.begin(), answer.end());
  if (!tail.empty()) AppendTo(wanted, tokenizer_->Encode(tail));
  AppendTo(wanted, pieces_.answer_close);
  exchanges_.push_back({begin_, std::string(user), std::string(heard_text), answer_begin});
  frames_.clear();
  typed_.clear();
  exchange_open_ = false;
  Forget(wanted);
  TrunkEdit edit = Become(std::move(wanted));
  begin_ = ids_.size();
  return edit;
}

TrunkEdit Trunk::Reopen(std::span<const TokenId> answer) {
  PARLEY_CHECK(!exchange_open_ && !exchanges_.empty(), "there is an exchange to go on with");
  const Exchange last = std::move(exchanges_.back());
  exchanges_.pop_back();
  begin_ = last.begin;
  exchange_open_ = true;
  std::vector<TokenId> wanted(ids_.begin(), ids_.begin() + static_cast<int64_t>(last.answer_begin));
  // Frames are heard once: they are what stands there.
  const auto frame = [](TokenId id) { return id < 0; };
  std::copy_if(wanted.begin() + static_cast<int64_t>(begin_), wanted.end(),
               std::back_inserter(frames_), frame);
  if (!frames_.empty()) {
    const auto behind = std::find_if(wanted.rbegin(), wanted.rend(), frame).base();
    const auto close = static_cast<int64_t>(pieces_.audio_close.size());
    const auto open = static_cast<int64_t>(pieces_.answer_open.size());
    typed_.assign(behind + close, wanted.end() - open);
  }
  wanted.insert(wanted.end(), answer.begin(), answer.end());
  return Become(std::move(wanted));
}

TrunkEdit Trunk::Restore(std::vector<TokenId> system, const std::vector<Said>& said) {
  PARLEY_CHECK(!exchange_open_, "history is replaced between exchanges");
  size_t same = 0;
  while (system == pieces_.system && same < std::min(said.size(), exchanges_.size()) &&
         said[same].user == exchanges_[same].user && said[same].answer == exchanges_[same].answer) {
    ++same;
  }
  const size_t kept = same < exchanges_.size() ? exchanges_[same].begin : begin_;
  std::vector<TokenId> wanted(ids_.begin(), ids_.begin() + static_cast<int64_t>(kept));
  if (same == 0) wanted = system;
  pieces_.system = std::move(system);
  exchanges_.resize(same);
  for (size_t i = same; i < said.size(); ++i) {
    exchanges_.push_back({wanted.size(), said[i].user, said[i].answer});
    AppendTo(wanted, pieces_.user_open);
    AppendTo(wanted, tokenizer_->Encode(said[i].user));
    AppendTo(wanted, pieces_.answer_open);
    exchanges_.back().answer_begin = wanted.size();
    AppendTo(wanted, tokenizer_->Encode(said[i].answer));
    AppendTo(wanted, pieces_.answer_close);
  }
  Forget(wanted);
  if (wanted.size() + room_ + max_tokens_ / 4 > max_tokens_) {  // one that alone is too long
    forgotten_ += static_cast<int64_t>(exchanges_.size());
    exchanges_.clear();
    wanted = pieces_.system;
  }
  TrunkEdit edit = Become(std::move(wanted));
  begin_ = ids_.size();
  return edit;
}

// The oldest exchanges go, as many as leave room for a question of a quarter of everything.
void Trunk::Forget(std::vector<TokenId>& wanted) {
  const size_t room = room_ + max_tokens_ / 4;
  const size_t system = pieces_.system.size();
  size_t forget = 0;
  size_t cut = system;
  while (forget + 1 < exchanges_.size() && system + wanted.size() - cut + room > max_tokens_) {
    cut = exchanges_[++forget].begin;
  }
  if (forget == 0) return;
  wanted.erase(wanted.begin() + static_cast<int64_t>(system),
               wanted.begin() + static_cast<int64_t>(cut));
  exchanges_.erase(exchanges_.begin(), exchanges_.begin() + static_cast<int64_t>(forget));
  for (Exchange& exchange : exchanges_) {
    exchange.begin -= cut - system;
    exchange.answer_begin -= cut - system;
  }
  forgotten_ += static_cast<int64_t>(forget);
}

}  // namespace parley::realtime

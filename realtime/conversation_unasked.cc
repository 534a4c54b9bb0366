// SPDX-License-Identifier: Apache-2.0
// The fourth part of a Conversation: what it says without being asked. A notice of a tool waits until
// the floor is free. An answer that was stopped by a voice goes on where it was heard last when the
// voice turns out to have said nothing; in the history it is one answer.
#include <algorithm>
#include <utility>

#include "common/log.h"
#include "realtime/conversation.h"

namespace parley::realtime {
namespace {

constexpr size_t kMostNotices = 16;  // that wait; as many timers may run

}  // namespace

void Conversation::OnNotice(const ToolNotice& notice) {
  if (notices_.size() >= kMostNotices) {
    return LogWarn("tool_notice_dropped", {{"text", notice.text}});
  }
  notices_.push_back(notice);
  SpeakUnasked();
}

// While somebody speaks, or is answered, nothing is said unasked: the end of it comes here again.
void Conversation::SpeakUnasked() {
  if (!unfinished_ && notices_.empty()) return;
  if (dead_ || ended_ || trunk_.exchange_open() || !turn_.quiet()) return;
  if (unfinished_) return GoOn();
  TellNotices();
}

void Conversation::BeginUnasked(Unasked::Why why) {
  pause_.Forget();
  BeginTurn(frames_end_);
  unasked_ = why;
  text_ = "";
  ended_ = asked_ = true;
  turn_.OnAnswer(frames_end_);
  Emit(Unasked{why});
  Do(mind::NewAnswer{});
}

void Conversation::TellNotices() {
  ToolNotice all;
  for (const ToolNotice& notice : std::exchange(notices_, {})) {
    all.text += (all.text.empty() ? "" : " ") + notice.text;
  }
  BeginUnasked(Unasked::Why::kNotice);
  Do(mind::Say{AnswerParser::Spoken(all)});
  Do(mind::AnswerEnded{});
}

// What of the answer would be left if it stopped here.
Conversation::Unfinished Conversation::NotHeard() {
  const HeardCut cut = speaker_.Heard();
  Unfinished left{.user = Said(),
                  .heard_ids = heard_before_ids_,
                  .heard = heard_before_ + speaker_.ledger().text().substr(0, cut.token_chars),
                  .rest = {},
                  .ended = text_ended_,
                  .kept = Keeps(cut)};
  size_t tokens = 0;
  for (const SpokenToken& token : written_) {
    if (tokens < cut.tokens) {
      if (token.id) left.heard_ids.push_back(*token.id);
    } else {
      left.rest.push_back(token);
    }
    tokens += token.id ? 1 : 0;
  }
  return left;
}

void Conversation::GoOn() {
  Unfinished left = *std::exchange(unfinished_, std::nullopt);
  const bool written = left.ended.has_value();
  if (written && left.rest.empty()) return SpeakUnasked();  // everything had been heard
  if (!left.kept) {
    Emit(Unasked{Unasked::Why::kGoesOn});
    return OnText("");
  }
  BeginUnasked(Unasked::Why::kGoesOn);
  text_ = trace_.transcript = left.user;
  heard_before_ids_ = std::move(left.heard_ids);
  heard_before_ = std::move(left.heard);
  std::vector<TokenId> ids = heard_before_ids_;
  for (SpokenToken& token : left.rest) {
    if (token.id) ids.push_back(*token.id);
  }
  Apply(trunk_.Reopen(ids), engine::Urgency::kFirstWords);
  // The blank before the next word belongs to what was heard.
  if (!left.rest.empty() && left.rest[0].text) {
    AnswerText& first = *left.rest[0].text;
    const size_t word = std::min(first.view().find_first_not_of(' '), first.view().size());
    heard_before_ += first.view().substr(0, word);
    first = first.Slice(word, first.view().size());
  }
  for (SpokenToken& token : left.rest) {
    if (token.text) Do(mind::Say{std::move(*token.text)});
    if (token.id) Do(mind::TokenTaken{*token.id, token.clean});
  }
  if (written) return Do(mind::AnswerEnded{*left.ended});
  trace_.prompt_ids = trunk_.ids();
  writer_ = std::make_unique<PlainMind>(config_.mind, PartsOfMind());
  const auto left_to_write = config_.mind.answer_tokens - static_cast<int32_t>(ids.size());
  Do(writer_->GoOn(std::max(left_to_write, 1)));
}

}  // namespace parley::realtime

// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/interleaved_mind.h"

#include <utility>

#include "realtime/listen/block_words.h"

namespace parley::realtime {

InterleavedMind::InterleavedMind(const MindConfig& config, MindParts parts)
    : config_(config),
      parts_(std::move(parts)),
      format_(parts_.style, parts_.prompt, parts_.tokenizer),
      form_(parts_.tokenizer, parts_.prompt.stop, parts_.style.marks),
      notes_(config_, parts_, format_, form_, names_),
      answering_(config_, form_, {parts_.style.final_tokens, parts_.style.answer_tokens}, names_) {}

Mind::Actions InterleavedMind::OnStableWords(const HeardWords& words, Time) {
  out_.clear();
  if (parts_.hears_frames) {
    out_.emplace_back(mind::Hear{std::string(words.text)});
  } else {
    notes_.Hear(words, out_);
  }
  return out_;
}

Mind::Actions InterleavedMind::OnPause(Time) {
  out_.clear();
  notes_.Pause(out_);
  return out_;
}

Mind::Actions InterleavedMind::OnPossibleEnd(const HeardWords& words, Time speech_end, Time now) {
  out_.clear();
  answering_.Drop(out_);
  end_.emplace(words, speech_end);
  Proceed(now);
  return out_;
}

Mind::Actions InterleavedMind::MaySpeculate(Time now) {
  out_.clear();
  if (!config_.speculate) return out_;
  may_decode_ = true;
  Proceed(now);
  return out_;
}

Mind::Actions InterleavedMind::OnTurnEnded(Time now) {
  out_.clear();
  ended_ = true;
  if (notes_.writing()) {
    if (config_.effort == Effort::kMinimal) {
      notes_.Cut(out_);
    } else {
      out_.emplace_back(mind::Hurry{kTrunk});
    }
  }
  Proceed(now);
  return out_;
}

void InterleavedMind::Proceed(Time now) {
  if (end_ && !answering_.prepared() && !notes_.writing()) {
    const bool frames = parts_.hears_frames && !end_->words.typed;
    answering_.Prepare(frames ? Frames() : notes_.End(end_->words, out_), end_->speech_end, out_);
  }
  if (!answering_.prepared()) return;
  if (ended_) {
    answering_.Commit(now, out_);
  } else if (may_decode_) {
    answering_.Start(now, out_);
  }
}

// The mark of the mode stands before the frames (FramePieces).
Answering::Prompt InterleavedMind::Frames() const {
  Answering::Prompt prompt;
  prompt.think = config_.effort != Effort::kMinimal;
  std::vector<TokenId> behind = {parts_.style.marks.speech_end};
  if (!prompt.think) behind.push_back(parts_.style.marks.answer);
  prompt.edit = parts_.trunk->Ask(end_->words.text, behind);
  return prompt;
}

Mind::Actions InterleavedMind::Abandon(Time) {
  out_.clear();
  if (answering_.thought_tokens() > 0) {
    out_.emplace_back(mind::Wasted{answering_.thought_tokens()});
  }
  answering_.Drop(out_);
  end_.reset();
  may_decode_ = ended_ = false;
  notes_.Resume(out_);
  return out_;
}

Mind::Actions InterleavedMind::Closed(ExchangeEnd end) {
  out_.clear();
  if (end == ExchangeEnd::kInterrupted) notes_.Keep(answering_.thought());
  if (end == ExchangeEnd::kOver) notes_.DropKept();
  answering_.Forget(out_);
  notes_.Forget(out_);
  end_.reset();
  may_decode_ = ended_ = false;
  return out_;
}

Mind::Actions InterleavedMind::OnToken(BranchId branch, TokenId id, engine::Position position,
                                       Time now) {
  out_.clear();
  if (branch == kTrunk) {
    notes_.OnToken(id, out_);
  } else if (answering_.Owns(branch)) {
    answering_.OnToken(branch, id, position, now, out_);
  }
  return out_;
}

Mind::Actions InterleavedMind::OnEnded(BranchId branch, const engine::Ended& ended, Time now) {
  out_.clear();
  if (branch == kTrunk) {
    notes_.OnEnded(ended, out_);
    if (!answering_.prepared()) Proceed(now);
  } else if (answering_.Owns(branch)) {
    answering_.OnEnded(branch, ended, now, out_);
  }
  return out_;
}

Mind::Actions InterleavedMind::OnFailed(BranchId branch, Error error, Time now) {
  out_.clear();
  if (branch == kTrunk) {
    notes_.OnFailed(out_);
    if (!answering_.prepared()) Proceed(now);
  } else if (answering_.Owns(branch)) {
    answering_.OnFailed(branch, std::move(error), now, out_);
  }
  return out_;
}

Mind::Actions InterleavedMind::OnFirstSound(Time) {
  out_.clear();
  answering_.OnFirstSound(out_);
  return out_;
}

Mind::Actions InterleavedMind::OnPlayback(Duration left, Time now) {
  out_.clear();
  answering_.OnPlayback(left, now, out_);
  return out_;
}

Mind::Actions InterleavedMind::OnTime(Time now) {
  out_.clear();
  answering_.OnTime(now, out_);
  return out_;
}

Mind::Actions InterleavedMind::OnToolResult(int64_t call, const ToolResult& result, Time now) {
  out_.clear();
  // A call that was cut under a note and waits behind the end of the turn too.
  if (notes_.Waits(call)) notes_.OnToolResult(result, out_);
  if (answering_.Waits(call)) answering_.OnToolResult(result, now, out_);
  return out_;
}

std::string InterleavedMind::Remembered(std::string_view words) const {
  std::string text;
  for (const std::string& word : NormalisedWords(words)) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace parley::realtime

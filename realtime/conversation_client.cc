// SPDX-License-Identifier: Apache-2.0
// The third part of a Conversation: what its client may change while it runs.
#include <algorithm>
#include <limits>
#include <utility>

#include "common/log.h"
#include "realtime/conversation.h"

namespace parley::realtime {
namespace {

constexpr int32_t kNever = std::numeric_limits<int32_t>::max() / 2;

TurnConfig TurnOf(TurnConfig turn, const TalkSettings& wanted) {
  using End = TalkSettings::TurnEnd;
  turn.barge_in = wanted.barge_in;
  if (wanted.voice_threshold) {
    turn.start_threshold = std::clamp(*wanted.voice_threshold, 0.05F, 0.95F);
    turn.stop_threshold = std::min(turn.stop_threshold, turn.start_threshold);
  }
  if (wanted.turn_end == End::kDetector) {
    turn.patience_ms = wanted.patience_ms.value_or(turn.patience_ms);
    turn.end_threshold = wanted.end_threshold.value_or(turn.end_threshold);
  } else {
    // Nobody asks the detector, so only patience ends a turn.
    turn.ask_ms = kNever;
    turn.patience_ms = kNever;
    if (wanted.turn_end == End::kSilence) {
      turn.patience_ms = std::max(wanted.silence_ms.value_or(500), 2 * turn.prepare_ms);
      turn.speculate_ms = std::min(turn.speculate_ms, turn.patience_ms / 2);
    } else {
      turn.speculate_ms = kNever;
      turn.barge_in = false;
    }
  }
  if (!wanted.answers) turn.speculate_ms = kNever;
  if (wanted.barge_in_at_once) {
    turn.duck_ms = turn.barge_in_ms = turn.start_ms;
    turn.verdict_ms = 0;
  }
  return turn;
}

}  // namespace

void Conversation::Configure(const TalkSettings& settings) {
  mind_is_old_ |= settings.answer_tokens != settings_.answer_tokens;
  settings_ = settings;
  turn_.Configure(TurnOf(config_.turn, settings_));
  speaker_.SetSilent(!settings_.speaks);
  if (!ended_ && !trunk_.exchange_open()) CatchUp();
}

// Between exchanges: what a client wanted in the meantime.
void Conversation::CatchUp() {
  if (std::exchange(mind_is_old_, false)) {
    MindConfig mind = config_.mind;
    mind.answer_tokens = std::clamp(settings_.answer_tokens.value_or(mind.answer_tokens), 1,
                                    config_.mind.answer_tokens);
    // What could be made once can be made again.
    if (auto made = MakeMind(mind, PartsOfMind())) mind_ = *std::move(made);
  }
  if (past_) RestorePast();
}

void Conversation::SetPast(PastTalk past) {
  past_ = std::move(past);
  if (ended_ && !held_) return;  // behind the answer
  // What is being said is heard again behind the new past.
  const bool held = held_;
  const std::optional<std::string> text = text_;
  ForgetExchange();
  CatchUp();
  text_ = text;
  held_ = held;
  if (text_) PrepareAnswer();
}

void Conversation::RestorePast() {
  unfinished_.reset();
  const PastTalk past = *std::exchange(past_, std::nullopt);
  std::vector<TokenId> system = parts_.prompt.system;
  if (parts_.system_turn) system = parts_.system_turn(past.system);
  if (static_cast<int32_t>(system.size()) > config_.conversation.max_tokens / 2) {
    return Emit(Failed{Fail(Code::kInvalidArgument,
                            "the instructions and tools are " + std::to_string(system.size()) +
                                " tokens long; at most half of conversation.max_tokens (" +
                                std::to_string(config_.conversation.max_tokens) + ") fit")});
  }
  std::vector<Trunk::Said> said;
  for (const PastTalk::Exchange& exchange : past.exchanges) {
    said.push_back({exchange.user, exchange.answer});
  }
  Apply(trunk_.Restore(std::move(system), said), engine::Urgency::kHousekeeping);
}

// What was typed while the user spoke stands behind what he said; the answer is for both.
void Conversation::TypeBeside(const std::string& text) {
  if (!typed_beside_) {
    typed_beside_ = text;
  } else if (!text.empty()) {
    *typed_beside_ += (typed_beside_->empty() ? "" : "\n") + text;
  }
  if (TurnIsHeard()) PrepareAnswer();
}

std::string Conversation::Said() const {
  std::string heard = text_.value_or("");
  if (!typed_beside_ || typed_beside_->empty()) return heard;
  return heard.empty() ? *typed_beside_ : heard + "\n" + *typed_beside_;
}

// The turn is heard, and nobody has asked for its answer yet; a new voice is a new turn.
void Conversation::Hold() {
  held_ = true;
  listener_.End();
  Do(turn_.AnswerOver(frames_end_));
}

void Conversation::BeginAnswer() {
  asked_ = true;
  held_ = false;
  unfinished_.reset();
  Do(mind_->OnTurnEnded(Now()));
  Do(speaker_.Release(Now()));
}

void Conversation::Respond() {
  if (dead_ || !held_ || !text_) return;
  turn_.OnAnswer(frames_end_);
  BeginAnswer();
}

void Conversation::DiscardTurn() {
  if (dead_ || (ended_ && !held_)) return;
  unfinished_.reset();
  pause_.Forget();
  ForgetExchange();
  listener_.End();
  stable_.reset();
  turn_.Discard(frames_end_);
  Listen();
  if (typed_beside_) OnText(*std::exchange(typed_beside_, std::nullopt));
}

}  // namespace parley::realtime

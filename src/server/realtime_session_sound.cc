// SPDX-License-Identifier: Apache-2.0
// The sound that a client sends, and when it says that a turn is over.
#include "server/realtime_session.h"

#include <algorithm>
#include <utility>

#include "common/pcm.h"

namespace parley::server {

namespace say = wire::server;

namespace {

constexpr int64_t kBlock = kSampleRateHz / 10;
constexpr int64_t kBlocksAtOnce = 40;  // 4 s: less than a talk's own queue takes
constexpr int64_t kBurstMs = 15'000;   // a client may be so far ahead of the clock,
constexpr int64_t kPace = 3;           // and from then on so many times as fast
constexpr int64_t kShortestCommit = kSampleRateHz / 10;

}  // namespace

void RealtimeSession::On(const wire::client::InputAudioAppend& event) {
  const auto sound = sound_in_->Push(event.audio.bytes);
  if (!sound) return Fail("invalid_value", sound.error().message, "audio");
  if (fed_ == sound_.size()) {
    sound_.clear();
    fed_ = 0;
  }
  sound_.insert(sound_.end(), sound->begin(), sound->end());
  metrics_.audio_in_ms.Add(static_cast<int64_t>(sound->size()) * 1000 / kSampleRateHz);
  if (static_cast<int64_t>(sound_.size() - fed_) > kWaitingSoundMs * kSampleRateHz / 1000) {
    Fail("rate_limit_exceeded", "You sent minutes of sound that nobody could hear yet.");
    return End(1008, "too much sound at once");
  }
  if (!feeding_) FeedSound();
}

void RealtimeSession::FeedSound() {
  feeding_ = false;
  if (ended_) return;
  const Time now = strand_->Now();
  if (heard_samples_ == 0) first_sound_ = now;
  const auto elapsed_ms = static_cast<int64_t>(Ms(now - first_sound_));
  const int64_t allowed = (kBurstMs + kPace * elapsed_ms) * kSampleRateHz / 1000;
  for (int64_t i = 0; i < kBlocksAtOnce && fed_ < sound_.size(); ++i) {
    if (heard_samples_ >= allowed) break;
    const size_t count = std::min(static_cast<size_t>(kBlock), sound_.size() - fed_);
    talk_->PushSound(std::span<const float>(sound_).subspan(fed_, count));
    fed_ += count;
    heard_samples_ += static_cast<int64_t>(count);
  }
  if (fed_ == sound_.size()) {
    if (std::exchange(commit_waits_, false)) talk_->CommitTurn();
    return;
  }
  feeding_ = true;
  const auto again = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->FeedSound();
  };
  if (heard_samples_ >= allowed) {
    strand_->At(now + milliseconds(100), again);
  } else {
    strand_->Post(again);
  }
}

void RealtimeSession::On(const wire::client::InputAudioCommit&) {
  const int64_t there = heard_samples_ + static_cast<int64_t>(sound_.size() - fed_);
  if (commit_asked_ || there - committed_samples_ < kShortestCommit) {
    return Fail("input_audio_buffer_commit_empty",
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of "
                "audio, but buffer only has " +
                    std::to_string((there - committed_samples_) * 1000 / kSampleRateHz) +
                    "ms of audio.");
  }
  committed_samples_ = there;
  commit_asked_ = true;
  // While it answers it hears no turn, and would say nothing of one.
  if (!answer_item_.empty() && user_item_.empty() && !feeding_) return CommitWithoutWords();
  commit_waits_ = feeding_;
  if (!feeding_) talk_->CommitTurn();
}

void RealtimeSession::On(const wire::client::InputAudioClear&) {
  sound_.clear();
  fed_ = 0;
  committed_samples_ = heard_samples_;
  const bool ends = commit_asked_ && !commit_waits_;  // the turn: its commit is on its way
  commit_asked_ = commit_waits_ = false;
  if (!committed_) {
    FinishThought();
    user_item_.clear();
  }
  talk_->DiscardTurn();
  out_.Send(say::InputAudioCleared{});
  if (!ends) AnswerAsked();
}

void RealtimeSession::On(const wire::client::Playback& event) {
  const ConversationItem* item = items_.Find(event.item_id);
  if (item == nullptr || event.item_id != answer_item_) return;
  talk_->Played(std::max<int64_t>(0, event.played_ms) * item->rate_hz / 1000);
}

}  // namespace parley::server

// SPDX-License-Identifier: Apache-2.0
// What a session's talk says of the user's turn, and what it thinks meanwhile, as events of the protocol.
#include "server/realtime_session.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

namespace parley::server {

namespace say = wire::server;

namespace {

int64_t WholeMs(double ms) { return std::max<int64_t>(0, static_cast<int64_t>(ms)); }

// How much of `text` the next hypothesis will hardly take back: what it and the one before agree on,
// in whole words, without the last one.
std::string_view Settled(std::string_view before, std::string_view text) {
  size_t same = 0;
  while (same < std::min(before.size(), text.size()) && before[same] == text[same]) ++same;
  const size_t space = text.substr(0, same).rfind(' ');
  return space == std::string_view::npos ? std::string_view() : text.substr(0, space);
}

// `text` without the words that `before` begins it with, if it does.
std::string Behind(std::string_view before, const std::string& text) {
  const auto plain = [](std::string_view s) {
    std::string out;
    for (const char c : s) {
      if (std::isalnum(static_cast<unsigned char>(c)) != 0 || (c & 0x80) != 0) {
        out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      }
    }
    return out;
  };
  const std::string wanted = plain(before);
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    const bool edge = cut == text.size() || text[cut] == ' ';
    if (edge && plain(std::string_view(text).substr(0, cut)) == wanted) {
      return text.substr(std::min(text.size(), cut + 1));
    }
  }
  return text;
}

}  // namespace

void RealtimeSession::OnTalk(const realtime::Event& event) {
  if (ended_) return;
  now_ = event.at;
  std::visit([this](const auto& what) { On(what); }, event.what);
}

void RealtimeSession::MarkAt(std::string_view name, double audio_ms) {
  if (!settings_.reasoning_shown() || audio_ms < 0) return;
  say::Mark mark{.name = std::string(name), .audio_ms = WholeMs(audio_ms)};
  if (!user_item_.empty()) mark.item_id = user_item_;
  if (response_) mark.response_id = response_->writer.id();
  out_.Send(mark);
}

void RealtimeSession::Mark(std::string_view name) { MarkAt(name, Ms(now_)); }

void RealtimeSession::On(const realtime::SpeechStarted& event) {
  if (std::exchange(unanswered_, std::nullopt)) SyncPast();  // it was left without an answer
  before_.clear();
  BeginSpeech(event.since);
  if (asked_) SyncPast(Override(*asked_));
}

void RealtimeSession::BeginSpeech(Time since) {
  FinishThought();
  user_item_ = NewId("item");
  committed_ = false;
  delta_sent_.clear();
  last_live_.clear();
  speech_begin_ = since;
  if (const wire::TurnDetection* turns = settings_.turns()) {
    const int64_t padding = turns->prefix_padding_ms.value_or(300);
    out_.Send(say::SpeechStarted{WholeMs(Ms(since) - static_cast<double>(padding)), user_item_});
  }
  if (std::exchange(interrupted_, false)) {
    metrics_.barge_in_stop.Observe(std::max(0.0, Ms(last_sound_ - since)) / 1000);
  }
  if (response_) {  // nobody speaks while the talk answers, unless it was interrupted
    FinishResponse("cancelled",
                   wire::StatusDetails{.type = "cancelled", .reason = "turn_detected"});
  }
  MarkAt("speech_start", Ms(since));
}

void RealtimeSession::On(const realtime::Resumed&) {
  Mark("resume");
  if (!committed_ && !response_) return;  // it was only a pause
  // The turn had ended for the client: what comes now is another item of the same turn.
  out_.TakeBack(responses_);
  if (ConversationItem* item = items_.Find(answer_item_)) item->heard = 0;
  answer_item_.clear();
  before_ = last_live_;
  if (committed_) FinishTranscript(before_);
  BeginSpeech(now_);
}

void RealtimeSession::On(const realtime::TurnEnded& event) {
  typed_turn_ = event.reason == "text";
  if (typed_turn_ && user_item_.empty()) return;
  if (user_item_.empty()) user_item_ = NewId("item");
  if (settings_.turns() != nullptr && !commit_asked_ && !committed_) {
    out_.Send(say::SpeechStopped{WholeMs(Ms(event.speech_end)), user_item_});
  }
  Mark("turn_end");
  if (!committed_) CommitUserItem();
  if (typed_turn_) FinishTranscript(last_live_);  // typed into the middle of what was being said
}

void RealtimeSession::CommitUserItem() {
  const std::optional<std::string> previous = items_.last();
  committed_ = true;
  commit_asked_ = false;
  committed_samples_ = heard_samples_;
  out_.Send(say::InputAudioCommitted{user_item_, previous});
  ConversationItem item{.spoken = true};
  item.shown.id = user_item_;
  item.shown.object = "realtime.item";
  item.shown.type = "message";
  item.shown.status = "completed";
  item.shown.role = "user";
  const wire::Item shown = items_.Append(std::move(item)).Shown();
  out_.Send(say::ItemAdded{previous, shown});
  out_.Send(say::ItemDone{previous, shown});
}

void RealtimeSession::CommitWithoutWords() {
  if (user_item_.empty()) user_item_ = NewId("item");
  CommitUserItem();
  FinishTranscript("");
}

// Behind the end of a turn thought still comes, until a response takes it up.
void RealtimeSession::FinishThought() {
  if (!thought_.empty()) out_.Send(say::ThoughtDone{user_item_, std::exchange(thought_, {})});
}

void RealtimeSession::FinishTranscript(const std::string& transcript) {
  FinishThought();
  committed_ = false;
  const std::string id = std::exchange(user_item_, {});
  ConversationItem* item = items_.Find(id);
  if (item == nullptr) return;  // deleted meanwhile
  item->text = last_live_ = transcript;
  if (!settings_.transcribes()) return;
  say::TranscriptionCompleted done{.item_id = id, .transcript = transcript};
  done.usage.seconds = std::max(0.0, Ms(now_ - speech_begin_) / 1000);
  out_.Send(done);
}

void RealtimeSession::On(const realtime::Heard& event) {
  if (!event.final) {
    std::string live = before_.empty() ? event.text : Behind(before_, event.text);
    if (settings_.transcribes() && !user_item_.empty()) {
      const std::string_view settled = Settled(last_live_, live);
      if (settled.size() > delta_sent_.size() && settled.starts_with(delta_sent_)) {
        out_.Send(say::TranscriptionDelta{user_item_, 0,
                                          std::string(settled.substr(delta_sent_.size()))});
        delta_sent_ = std::string(settled);
      }
    }
    last_live_ = std::move(live);
    return;
  }
  if (std::exchange(typed_turn_, false)) return;
  const std::string transcript = before_.empty() ? event.text : Behind(before_, event.text);
  Mark("transcript");
  if (settings_.transcribes() && transcript.size() > delta_sent_.size() &&
      transcript.starts_with(delta_sent_)) {
    out_.Send(say::TranscriptionDelta{user_item_, 0, transcript.substr(delta_sent_.size())});
  }
  FinishTranscript(transcript);
  if (settings_.answers_turns()) {
    return BeginResponse(std::exchange(asked_, std::nullopt).value_or(wire::ResponseRequest()));
  }
  unanswered_ = transcript;
  if (asked_) Respond(*std::exchange(asked_, std::nullopt));
}

void RealtimeSession::On(const realtime::NoSpeech&) {
  if (user_item_.empty() && !commit_asked_) return;  // nobody has spoken for a while
  if (commit_asked_ && !committed_) {
    CommitWithoutWords();
  } else if (committed_) {
    FinishTranscript("");
  }
  if (asked_) Respond(*std::exchange(asked_, std::nullopt));
}

void RealtimeSession::On(const realtime::Thought& event) {
  if (!settings_.reasoning_shown()) return;
  const std::string_view text = event.text.ForTrace();
  // A note that is finished behind the end of its turn is thought of the answer.
  const bool behind = event.when != realtime::ThoughtWhile::kListening || user_item_.empty();
  if (behind && response_) {
    const ConversationItem* item = items_.Find(answer_item_);
    std::optional<int64_t> offset;
    if (item != nullptr) offset = item->samples * 1000 / item->rate_hz;
    return response_->writer.Think(text, offset);
  }
  if (user_item_.empty()) return;  // the turn came to nothing
  thought_ += text;
  const bool listening = event.when == realtime::ThoughtWhile::kListening;
  out_.Send(say::ThoughtDelta{user_item_, listening ? "listening" : "gap", WholeMs(Ms(now_)),
                              std::string(text)});
}

}  // namespace parley::server

// SPDX-License-Identifier: Apache-2.0
#include "realtime/listen/listener.h"

#include <algorithm>

#include "realtime/listen/words.h"

namespace parley::realtime {

Listener::Actions Listener::Begin(int64_t voice_begin, int64_t floor) {
  out_.clear();
  listening_ = true;
  paused_ = false;
  begin_ = std::max({voice_begin - Ms(config_.pre_roll_ms), floor, int64_t{0}});
  window_begin_ = begin_;
  asked_end_ = voice_begin;
  settled_.clear();
  previous_.clear();
  heard_.clear();
  settled_until_ = begin_;
  live_.clear();
  stable_.clear();
  voiced_ = {};
  edge_ = false;
  in_flight_ = 0;
  first_request_ = next_request_;
  return out_;
}

void Listener::End() {
  listening_ = false;
  in_flight_ = 0;
  first_request_ = next_request_;
}

Listener::Actions Listener::OnSound(int64_t end, bool voiced) {
  out_.clear();
  if (!listening_) return out_;
  if (voiced) voiced_ += milliseconds(32);
  if (paused_ || in_flight_ != 0) return out_;
  const int64_t window = end - window_begin_;
  if (window > Ms(config_.window_ms)) {
    out_.emplace_back(listen::FindQuiet{window_begin_ + window / 2, end - Ms(1000)});
    return out_;
  }
  const auto share = static_cast<int64_t>(config_.partial_share * static_cast<float>(window));
  if (end - asked_end_ >= std::max(Ms(config_.partial_ms), share)) Ask(end, Purpose::kPartial);
  return out_;
}

Listener::Actions Listener::OnPause(int64_t end) {
  out_.clear();
  if (!listening_) return out_;
  paused_ = true;
  edge_ = false;
  Ask(end, Purpose::kEnd);
  return out_;
}

Listener::Actions Listener::OnResume(int64_t voice_begin) {
  out_.clear();
  if (!listening_) return out_;
  paused_ = false;
  if (edge_ && voice_begin - window_begin_ > Ms(config_.slide_ms)) {
    // The voice begins behind the pause; a little of the pause is heard again, none of the words.
    Settle(edge_text_, std::max(asked_end_, voice_begin - Ms(config_.pre_roll_ms)));
  }
  edge_ = false;
  return out_;
}

Listener::Actions Listener::Glance(int64_t end) {
  out_.clear();
  if (listening_ && !paused_) Ask(end, Purpose::kGlance);
  return out_;
}

Listener::Actions Listener::CutAt(int64_t sample) {
  out_.clear();
  if (listening_ && !paused_) Ask(sample, Purpose::kCut);
  return out_;
}

void Listener::Ask(int64_t end, Purpose purpose) {
  in_flight_ = next_request_++;
  purpose_ = purpose;
  asked_end_ = end;
  out_.emplace_back(listen::Transcribe{in_flight_, window_begin_, end, purpose == Purpose::kEnd,
                                       purpose == Purpose::kGlance});
}

Listener::Actions Listener::OnFailed(int64_t request) {
  out_.clear();
  if (request == in_flight_) in_flight_ = 0;
  return out_;
}

Listener::Actions Listener::OnTranscript(int64_t request, const model::Transcript& transcript) {
  out_.clear();
  if (request != in_flight_ || request < first_request_) {
    ++stale_;
    return out_;
  }
  in_flight_ = 0;
  const std::string text = HoldsWords(transcript, voiced_) ? transcript.text : std::string();
  switch (purpose_) {
    case Purpose::kPartial:
      Compare(text);
      break;
    case Purpose::kGlance:
      live_ = "\n";  // differs from any
      Compare(text);
      break;
    case Purpose::kCut:
      Settle(text, asked_end_);
      break;
    case Purpose::kEnd:
      Compare(text);
      edge_ = true;
      edge_text_ = text;
      if (paused_) out_.emplace_back(listen::Complete{Whole(text)});
      break;
  }
  return out_;
}

void Listener::Compare(const std::string& text) {
  const auto words = SplitWords(text);
  const size_t agreed = SettledWords(SplitWords(previous_), words);
  // The last word may still grow: a stable one is followed by another.
  const size_t stable = std::min(agreed, words.empty() ? 0 : words.size() - 1);
  heard_.resize(agreed);
  heard_.resize(words.size(), asked_end_);
  Report(Whole(JoinWords(words, stable)), stable > 0 ? heard_[stable - 1] : settled_until_);
  previous_ = text;
  std::string live = Whole(text);
  if (live != live_) {
    live_ = live;
    const auto count = static_cast<int>(SplitWords(live).size());
    out_.emplace_back(listen::Live{std::move(live), count});
  }
}

void Listener::Settle(const std::string& text, int64_t next_begin) {
  settled_ = Whole(text);
  settled_until_ = asked_end_;
  window_begin_ = next_begin;
  asked_end_ = next_begin;
  previous_.clear();
  heard_.clear();
  Report(settled_, settled_until_);
}

void Listener::Report(std::string stable_text, int64_t heard_until) {
  if (stable_text.size() <= stable_.size()) return;
  stable_ = stable_text;
  out_.emplace_back(listen::Stable{std::move(stable_text), heard_until});
}

std::string Listener::Whole(const std::string& window_text) const {
  if (settled_.empty()) return window_text;
  if (window_text.empty()) return settled_;
  return settled_ + " " + window_text;
}

}  // namespace parley::realtime

// SPDX-License-Identifier: Apache-2.0
#include "realtime/listen/frame_listener.h"

#include <algorithm>

namespace parley::realtime {

void FrameListener::Begin(int64_t voice_begin, int64_t floor) {
  listening_ = true;
  paused_ = false;
  begin_ = std::max({voice_begin - Samples(config_.pre_roll_ms), floor, int64_t{0}});
  group_begin_ = heard_until_ = begin_;
  group_frames_ = frames_ = 0;
  in_flight_ = 0;
}

listen::EncodeSound FrameListener::Ask(int64_t begin, int64_t end, bool exact) {
  in_flight_ = next_request_++;
  asked_end_ = end;
  asked_exact_ = exact;
  asked_urgent_ = paused_;
  return {in_flight_, begin, end, paused_};
}

std::vector<listen::EncodeSound> FrameListener::OnSound(int64_t end) {
  if (!listening_ || paused_ || in_flight_ != 0) return {};
  const int64_t blocks = (end - heard_until_) / Samples(config_.frame_block_ms);
  if (blocks == 0) return {};
  const int64_t until = heard_until_ + blocks * Samples(config_.frame_block_ms);
  if (until - group_begin_ >= Samples(config_.frame_group_ms))
    return {Ask(group_begin_, until, true)};
  const int64_t before = Samples(config_.frame_context_ms) / kFrameSamples * kFrameSamples;
  return {Ask(std::max(begin_, heard_until_ - before), until, false)};
}

std::vector<listen::EncodeSound> FrameListener::OnPause(int64_t end) {
  if (!listening_) return {};
  paused_ = true;
  pause_end_ = end;
  if (in_flight_ != 0) return {};  // behind it
  return {Ask(group_begin_, end, true)};
}

FrameListener::Encoded FrameListener::OnEncoded(int64_t request, int32_t rows) {
  Encoded result;
  if (!listening_ || request != in_flight_) return result;
  in_flight_ = 0;
  if (rows >= 0) {
    listen::TakeFrames take{frames_, rows, false};
    if (asked_exact_) {
      take.keep = group_frames_;
    } else {
      const int64_t block = (asked_end_ - heard_until_) / kFrameSamples;
      take.take = std::min(rows, static_cast<int32_t>(block));
    }
    take.complete = asked_exact_ && asked_urgent_ && paused_ && asked_end_ == pause_end_;
    frames_ = take.keep + static_cast<size_t>(take.take);
    heard_until_ = asked_end_;
    if (asked_exact_ && !asked_urgent_) {  // the group is full
      group_begin_ = heard_until_;
      group_frames_ = frames_;
    }
    result.take.push_back(take);
    if (take.complete) return result;
  }
  if (paused_ && rows >= 0) result.ask.push_back(Ask(group_begin_, pause_end_, true));
  return result;
}

}  // namespace parley::realtime

// The ear of a model that hears embeddings instead of words: which sound is encoded when, and which
// of the rows that come of it stand where. While the user speaks a block is encoded with the sound
// before it and its own rows are taken (approximate: the encoder looks both ways, so they differ a
// little from those of the whole); at a possible end, and when a group is full, the group is encoded
// as one and its rows are replaced (exact). realtime.md of the design, A1.
// Thread:   plain value; one owner. Actions are valid until the next call.
// Memory:   a few numbers.
// Overload: one encoding at a time; sound that waits for it becomes one longer block.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "realtime/listen/listen_config.h"

namespace parley::realtime {

inline constexpr int64_t kFrameSamples = 1280;  // of 16 kHz: 12.5 rows a second

namespace listen {
struct EncodeSound {  // answer with OnEncoded(request, rows)
  int64_t request = 0;
  int64_t begin = 0, end = 0;  // samples since the start of the talk
  bool urgent = false;         // a possible end waits for it
};
// The turn's frames from now on: its first `keep`, then the last `take` rows of the encoding.
struct TakeFrames {
  size_t keep = 0;
  int32_t take = 0;
  bool complete = false;  // exact up to the possible end
};
}  // namespace listen

class FrameListener {
 public:
  explicit FrameListener(const ListenConfig& config) : config_(config) {}

  void Begin(int64_t voice_begin, int64_t floor);
  void End() { listening_ = false; }
  std::vector<listen::EncodeSound> OnSound(int64_t end);  // everything up to here is there
  std::vector<listen::EncodeSound> OnPause(int64_t end);
  void OnResume() { paused_ = false; }
  // `rows` of the encoding; negative: it failed. Then `next` may be asked for.
  struct Encoded {
    std::vector<listen::TakeFrames> take;
    std::vector<listen::EncodeSound> ask;
  };
  Encoded OnEncoded(int64_t request, int32_t rows);

  bool listening() const { return listening_; }
  int64_t begin() const { return begin_; }

 private:
  listen::EncodeSound Ask(int64_t begin, int64_t end, bool exact);
  int64_t Samples(int32_t ms) const { return static_cast<int64_t>(ms) * 16; }

  const ListenConfig config_;
  bool listening_ = false, paused_ = false;
  int64_t begin_ = 0;        // of the turn
  int64_t group_begin_ = 0;  // what is behind it is encoded anew at a possible end
  size_t group_frames_ = 0;  // frames before it
  int64_t heard_until_ = 0;  // the frames end here
  size_t frames_ = 0;        // of the turn
  int64_t pause_end_ = 0;
  int64_t next_request_ = 1, in_flight_ = 0;
  int64_t asked_end_ = 0;
  bool asked_exact_ = false, asked_urgent_ = false;
};

}  // namespace parley::realtime

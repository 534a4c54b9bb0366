// How often the sound of a turn is transcribed while it is spoken, and over what window.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "common/config_fields.h"

namespace parley::realtime {

struct ListenConfig {
  int32_t partial_ms = 500;
  float partial_share = 0.1F;
  int32_t pre_roll_ms = 320;
  int32_t slide_ms = 8000;
  int32_t window_ms = 16000;
  int32_t pad_ms = 10000;
  std::string language = "en";
  int32_t frame_block_ms = 400;
  int32_t frame_context_ms = 2000;
  int32_t frame_group_ms = 25000;

  template <class V>
  void VisitFields(V&& v) {
    v("partial_ms", partial_ms, Range{100, 10000},
      "new sound after which the turn so far is transcribed again [ms]");
    v("partial_share", partial_share, Range{0, 1},
      "and at least this share of the window, so that a long turn costs no more than a short one");
    v("pre_roll_ms", pre_roll_ms, Range{0, 2000},
      "sound before the voice that is heard with it [ms]");
    v("slide_ms", slide_ms, Range{1000, 25000},
      "a window longer than this begins anew behind the next pause [ms]");
    v("window_ms", window_ms, Range{2000, 28000},
      "a window longer than this is cut at its quietest place [ms]");
    v("pad_ms", pad_ms, Range{0, 30000},
      "silence behind the sound that is transcribed: short pads make Whisper loop [ms]");
    v("language", language, "language of the transcriber");
    v("frame_block_ms", frame_block_ms, Range{80, 4000},
      "models that hear sound itself: so much new sound is encoded at once [ms]");
    v("frame_context_ms", frame_context_ms, Range{0, 20000},
      "with so much of the sound before it [ms]");
    v("frame_group_ms", frame_group_ms, Range{4000, 28000},
      "and again as a whole at a possible end, at most so much at once [ms]");
  }
};

}  // namespace parley::realtime

// How an answer is cut into clauses, spoken and sent.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "common/config_fields.h"

namespace parley::realtime {

// Who lowers an answer under a voice: the samples themselves, from the next that is sent, or
// whoever plays them, from the one that is being played (events Lowered and Unlowered).
enum class LoweredBy { kSound, kPlayer };

struct SpeakConfig {
  int32_t first_clause_words = 8;
  int32_t clause_words = 24;
  int32_t send_ahead_ms = 400;
  int32_t speak_ahead_ms = 4000;
  float duck_db = -15;
  LoweredBy lowered_by = LoweredBy::kSound;
  float speed = 1;
  float noise = -1;

  template <class V>
  void VisitFields(V&& v) {
    v("first_clause_words", first_clause_words, Range{2, 40},
      "the first clause is spoken after so many words, punctuation or not");
    v("clause_words", clause_words, Range{4, 100}, "longest later clause [words]");
    v("send_ahead_ms", send_ahead_ms, Range{40, 1000},
      "sound that may be sent before it is due [ms]");
    v("speak_ahead_ms", speak_ahead_ms, Range{200, 60000},
      "sound that may be made before it is due; what an interruption throws away [ms]");
    v("duck_db", duck_db, Range{-60, 0}, "how far an answer is lowered under a voice [dB]");
    v("lowered_by", lowered_by,
      EnumNames<LoweredBy>{{LoweredBy::kSound, "sound"}, {LoweredBy::kPlayer, "player"}},
      "what lowers it: the sound that is sent from then on, or the player, which is told");
    v("speed", speed, Range{0.5, 2}, "of the voice");
    v("noise", noise, Range{-1, 2}, "of the voice; negative: its own, 0: repeatable to the sample");
  }
};

}  // namespace parley::realtime

// What an operator may change about the voice.
// Thread:   plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "common/config_fields.h"

namespace parley::tts {

enum class PhonemizerKind { kFlite, kEspeak };

struct VoiceConfig {
  int32_t threads = 1;
  bool bf16 = false;
  float speed = 1.0F;
  float noise = -1.0F;
  PhonemizerKind phonemizer = PhonemizerKind::kFlite;
  std::string espeak_program = "espeak-ng";

  template <class V>
  void VisitFields(V&& v) {
    v("threads", threads, Range{1, 64}, "threads of the voice's networks");
    v("bf16", bf16,
      "compute the voice's sound in bf16 where the processor can: faster, less exact");
    v("speed", speed, Range{0.5, 2.0}, "1 is the voice's own; 2 is twice as fast");
    v("noise", noise, Range{-1, 1}, "liveliness of the sound; 0 is flat, negative the voice's own");
    v("phonemizer", phonemizer,
      EnumNames<PhonemizerKind>{{PhonemizerKind::kFlite, "flite"},
                                {PhonemizerKind::kEspeak, "espeak"}},
      "who knows how words sound: flite inside the program, or the program espeak-ng beside it");
    v("espeak_program", espeak_program, "the espeak-ng to run, a path or a name on $PATH");
  }
};

}  // namespace parley::tts

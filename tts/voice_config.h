// What an operator may change about the voice.
// Thread:   plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "common/config_fields.h"

namespace parley::tts {

enum class VoiceKind { kPiper, kRemote };
enum class PhonemizerKind { kFlite, kEspeak };

struct VoiceConfig {
  VoiceKind kind = VoiceKind::kPiper;
  int32_t threads = 1;
  bool bf16 = true;  // no word more was misheard: tests/bench/tts_wer.py
  float speed = 1.0F;
  float noise = -1.0F;
  PhonemizerKind phonemizer = PhonemizerKind::kFlite;
  std::string espeak_program = "espeak-ng";
  std::string url = "http://127.0.0.1:8880/v1/audio/speech";
  std::string key_env;
  std::string remote_model = "tts-1";
  std::string remote_name = "alloy";
  int32_t remote_rate_hz = 24000;
  int32_t timeout_s = 10;

  template <class V>
  void VisitFields(V&& v) {
    v("kind", kind,
      EnumNames<VoiceKind>{{VoiceKind::kPiper, "piper"}, {VoiceKind::kRemote, "remote"}},
      "piper: inside the program; remote: a server that answers POST /v1/audio/speech");
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
    v("url", url, "of the remote voice, whole");
    v("key_env", key_env, "environment variable that holds the remote voice's key; empty: no key");
    v("remote_model", remote_model, "what the remote voice is asked for as \"model\"");
    v("remote_name", remote_name, "what it is asked for as \"voice\"");
    v("remote_rate_hz", remote_rate_hz, Range{8000, 48000}, "of the samples it answers with");
    v("timeout_s", timeout_s, Range{1, 120},
      "silence of the remote voice after which it failed [s]");
  }
};

}  // namespace parley::tts

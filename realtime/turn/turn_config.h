// When a turn begins and ends, and when a voice interrupts. Times are of sound, in frames of 32 ms.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "common/config_fields.h"

namespace parley::realtime {

struct TurnConfig {
  float start_threshold = 0.5F;
  float stop_threshold = 0.35F;
  int32_t start_ms = 64;
  int32_t prepare_ms = 64;
  int32_t ask_ms = 96;
  int32_t speculate_ms = 160;
  int32_t min_silence_ms = 192;
  int32_t patience_ms = 800;
  float end_threshold = 0.5F;
  int32_t longest_turn_s = 120;
  int32_t give_up_ms = 8000;
  bool barge_in = true;
  int32_t duck_ms = 96;
  int32_t unduck_ms = 320;
  int32_t barge_in_ms = 448;
  int32_t barge_in_words = 2;
  int32_t ask_words_ms = 256;
  int32_t verdict_ms = 192;
  int32_t backchannel_ms = 1000;
  int32_t boundary_ms = 1000;
  std::string backchannels =
      "mhm, mm, mmm, hm, hmm, mm hmm, uh huh, aha, ah, oh, uh, um, yeah, yes, yep, yup, ya, ok, "
      "okay, right, all right, alright, sure, of course, exactly, true, indeed, i see, i know, "
      "got it, gotcha, go on, makes sense, good, great, nice, cool, wow, really, interesting, "
      "perfect, thanks, thank you";
  std::string fillers = "mhm, mm, mmm, hm, hmm, mm hmm, uh huh, uh, um, ah, oh, er, erm";
  std::string stop_words =
      "stop, wait, no, nope, hey, hold on, pause, quiet, enough, cancel, sorry, pardon, excuse me, "
      "listen, but, actually, what, why, who, where, when, how";

  template <class V>
  void VisitFields(V&& v) {
    v("start_threshold", start_threshold, Range{0.01, 0.99},
      "probability of voice at which speech begins");
    v("stop_threshold", stop_threshold, Range{0.01, 0.99},
      "probability below which speech pauses; below start_threshold, so that it does not flutter");
    v("start_ms", start_ms, Range{32, 1000}, "voice that begins or resumes a turn [ms]");
    v("prepare_ms", prepare_ms, Range{32, 2000},
      "silence after which the whole turn is transcribed and prefilled [ms]");
    v("ask_ms", ask_ms, Range{32, 2000}, "silence after which the turn detector is asked [ms]");
    v("speculate_ms", speculate_ms, Range{32, 5000},
      "silence after which an answer is decoded that may be thrown away [ms]");
    v("min_silence_ms", min_silence_ms, Range{32, 5000},
      "silence that ends a turn which the turn detector takes for finished [ms]");
    v("patience_ms", patience_ms, Range{32, 10000},
      "silence that ends any turn, finished or not [ms]");
    v("end_threshold", end_threshold, Range{0.01, 0.99},
      "probability of the turn detector at which a turn is finished");
    v("longest_turn_s", longest_turn_s, Range{1, 3600},
      "a turn ends after this time though the voice goes on [s]");
    v("give_up_ms", give_up_ms, Range{500, 600000},
      "silence without a word after which the talk says that nobody speaks [ms]");
    v("barge_in", barge_in, "a voice may interrupt the answer");
    v("duck_ms", duck_ms, Range{32, 2000}, "voice during an answer that lowers it [ms]");
    v("unduck_ms", unduck_ms, Range{32, 5000},
      "silence after which a lowered answer is restored [ms]");
    v("barge_in_ms", barge_in_ms, Range{32, 5000},
      "voice that stops an answer, unless it is a backchannel [ms]");
    v("barge_in_words", barge_in_words, Range{1, 20},
      "words that stop an answer, however short their voice, unless they are a backchannel");
    v("ask_words_ms", ask_words_ms, Range{32, 5000},
      "new voice during an answer after which it is transcribed again [ms]");
    v("verdict_ms", verdict_ms, Range{0, 5000},
      "how long a decision waits for that transcript [ms]");
    v("backchannel_ms", backchannel_ms, Range{32, 20000},
      "a longer voice stops an answer, whatever its words [ms]");
    v("boundary_ms", boundary_ms, Range{0, 10000},
      "so soon after its beginning and before its end an answer has no backchannels [ms]");
    v("backchannels", backchannels,
      "phrases that ask the speaker to go on, with commas between them");
    v("fillers", fillers,
      "sounds that are no words, with commas between them: an answer that a voice of nothing else "
      "has stopped goes on where it was");
    v("stop_words", stop_words, "phrases that stop an answer alone, with commas between them");
  }
};

}  // namespace parley::realtime

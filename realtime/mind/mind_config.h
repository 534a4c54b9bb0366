// How the model is asked to answer.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "common/config_fields.h"
#include "engine/engine.h"

namespace parley::realtime {

// How a model thinks (realtime.md of the design, A1): not at all; over a draft that is anchored
// anew at each checkpoint; in notes between the blocks of what it hears.
enum class ThinkingStyle { kNone, kDrafted, kInterleaved, kAuto };

// How much of a question's thought may stand before the first word of its answer.
enum class Effort {
  kMinimal,  // none: speak first
  kLow,      // a little, low_thought_tokens
  kMedium,   // until the deadline of the first sound; the rest while it plays
  kHigh      // all of it; a spoken cover when it takes long
};

struct MindConfig {
  ThinkingStyle style = ThinkingStyle::kAuto;
  std::string system_prompt;
  bool speculate = true;
  int32_t answer_tokens = 96;
  float temperature = 0;
  float top_p = 1;
  int32_t top_k = 0;
  float repetition_penalty = 1;
  int64_t seed = 0;
  Effort effort = Effort::kMedium;
  int32_t first_audio_deadline_ms = 700;
  int32_t cover_after_ms = 1500;
  int32_t low_thought_tokens = 80;
  int32_t thought_tokens = 512;
  int32_t think_every_ms = 2000;
  int32_t think_from_words = 4;
  int32_t part_tokens = 32;
  int32_t ask_ahead_ms = 400;
  int32_t voice_ms = 120;
  bool correct = true;
  int32_t keep_thought_tokens = 64;

  template <class V>
  void VisitFields(V&& v) {
    v("style", style,
      EnumNames<ThinkingStyle>{{ThinkingStyle::kNone, "none"},
                               {ThinkingStyle::kDrafted, "drafted"},
                               {ThinkingStyle::kInterleaved, "interleaved"},
                               {ThinkingStyle::kAuto, "auto"}},
      "how the model thinks; auto: as the style.json beside its weights says, else not at all");
    v("system_prompt", system_prompt,
      "what the model is told before the talk begins; empty: what it was trained with, else to "
      "answer "
      "briefly");
    v("speculate", speculate, "begin to answer at a pause that may be the end of the turn");
    v("answer_tokens", answer_tokens, Range{1, 4096}, "longest answer [tokens]");
    v("temperature", temperature, Range{0, 2}, "0: always the likeliest token");
    v("top_p", top_p, Range{0.01, 1}, "share of probability to choose from; 1: all");
    v("top_k", top_k, Range{0, 1000}, "tokens to choose from; 0: all");
    v("repetition_penalty", repetition_penalty, Range{1, 2}, "1: none");
    v("seed", seed, Range{0, 9e15}, "of the sampler");
    v("effort", effort,
      EnumNames<Effort>{{Effort::kMinimal, "minimal"},
                        {Effort::kLow, "low"},
                        {Effort::kMedium, "medium"},
                        {Effort::kHigh, "high"}},
      "thought before the first word: none; low_thought_tokens; until first_audio_deadline_ms, and "
      "on "
      "while the answer plays; all of it");
    v("first_audio_deadline_ms", first_audio_deadline_ms, Range{0, 60000},
      "effort medium: from the user's last word to the first sound of the answer [ms]");
    v("cover_after_ms", cover_after_ms, Range{0, 60000},
      "a thought, or a tool, that takes longer after the user's last word is covered by a phrase "
      "[ms]");
    v("low_thought_tokens", low_thought_tokens, Range{1, 4096},
      "effort low: thought before the answer [tokens]");
    v("thought_tokens", thought_tokens, Range{1, 65536},
      "style drafted: longest thought of a turn [tokens]");
    v("think_every_ms", think_every_ms, Range{100, 60000},
      "style drafted: while the user speaks a draft is begun anew so often [ms]");
    v("think_from_words", think_from_words, Range{0, 100},
      "style drafted: a turn of fewer words, none of them a number, is answered without thought");
    v("part_tokens", part_tokens, Range{8, 1024},
      "while thought goes on the answer is asked for in parts of so many tokens at most");
    v("ask_ahead_ms", ask_ahead_ms, Range{50, 10000},
      "the next part is asked for so long before the playback runs dry [ms]");
    v("voice_ms", voice_ms, Range{0, 5000},
      "what the deadline leaves for the voice to make its first sound [ms]");
    v("correct", correct,
      "say so when the finished thought disagrees with what was said before it");
    v("keep_thought_tokens", keep_thought_tokens, Range{0, 64},
      "of the thought behind an answer that was interrupted the next turn keeps its end [tokens]");
  }
};

// How tokens are drawn; the rest of the options has its defaults.
engine::GenerateOptions SampledAs(const MindConfig& config);

}  // namespace parley::realtime

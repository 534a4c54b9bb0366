// How the model is asked to answer.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "common/config_fields.h"

namespace parley::realtime {

// How a model thinks (realtime.md of the design, A1): not at all; over a draft that is anchored
// anew at each checkpoint; in notes between the blocks of what it hears.
enum class ThinkingStyle { kNone, kDrafted, kInterleaved };

struct MindConfig {
  ThinkingStyle style = ThinkingStyle::kNone;
  std::string system_prompt =
      "You are a friendly voice assistant. Answer in one or two short spoken sentences.";
  bool speculate = true;
  int32_t answer_tokens = 96;
  float temperature = 0;
  float top_p = 1;
  int32_t top_k = 0;
  float repetition_penalty = 1;
  int64_t seed = 0;

  template <class V>
  void VisitFields(V&& v) {
    v("style", style,
      EnumNames<ThinkingStyle>{{ThinkingStyle::kNone, "none"},
                               {ThinkingStyle::kDrafted, "drafted"},
                               {ThinkingStyle::kInterleaved, "interleaved"}},
      "how the model thinks");
    v("system_prompt", system_prompt, "what the model is told before the talk begins");
    v("speculate", speculate, "begin to answer at a pause that may be the end of the turn");
    v("answer_tokens", answer_tokens, Range{1, 4096}, "longest answer [tokens]");
    v("temperature", temperature, Range{0, 2}, "0: always the likeliest token");
    v("top_p", top_p, Range{0.01, 1}, "share of probability to choose from; 1: all");
    v("top_k", top_k, Range{0, 1000}, "tokens to choose from; 0: all");
    v("repetition_penalty", repetition_penalty, Range{1, 2}, "1: none");
    v("seed", seed, Range{0, 9e15}, "of the sampler");
  }
};

}  // namespace parley::realtime

// How a model was trained to think: `style.json` beside its weights. For a model that takes notes it
// names the ids of the marks, the length of a block and the budgets; what is absent has the value
// that stands here. Only the mind reads it: the engine sees plain ids.
// Thread:   plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "common/result.h"
#include "model/tokenizer.h"
#include "realtime/mind/mind_config.h"

namespace parley::realtime {

struct StyleMarks {
  TokenId listen = 3, after = 4, none = 5;         // how the exchange is thought about
  TokenId note = 6, note_end = 7;                  // around a note between blocks
  TokenId speech_end = 8, answer = 9;              // around the final thought
  TokenId tool_call = 10, tool_call_end = 11;      // around a call, inside a thought
  TokenId tool_result = 12, tool_result_end = 13;  // around its result
  std::vector<TokenId> All() const;
};

struct Style {
  ThinkingStyle style = ThinkingStyle::kNone;
  StyleMarks marks;
  int32_t block_words = 5;
  int32_t note_tokens = 24;
  int32_t final_tokens = 64;
  int32_t answer_tokens = 64;
  std::vector<std::string> acoustic_marks = {"whisper", "quiet", "loud", "slow",  "fast", "pause",
                                             "rising",  "high",  "low",  "noise", "music"};
  std::string system;  // what the model was told in training; empty: nothing of its own
};

// kInvalidArgument names the key and what was expected. Marks must be special tokens of the model.
Result<Style> ParseStyle(std::string_view json, const model::Tokenizer& tokenizer);
// Of the weights at `path`, a file or a folder: its style.json, or a style that does not think.
Result<Style> ReadStyle(const std::string& path, const model::Tokenizer& tokenizer);

}  // namespace parley::realtime

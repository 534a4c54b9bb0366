// A model's chat format as ids, ready to be joined around what was said.
// Thread:   plain value.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "common/ids.h"
#include "model/chat_template.h"

namespace parley::realtime {

struct PromptPieces {
  std::vector<TokenId> system;         // the whole system turn
  std::vector<TokenId> user_open;      // before the user's words
  std::vector<TokenId> answer_open;    // behind them: end of the turn and generation prompt
  std::vector<TokenId> think_open;     // the same, and the opening of a thought in text
  std::vector<TokenId> no_think_open;  // the same, and a thought of nothing
  std::vector<TokenId> audio_open;  // around frames inside the user's turn; empty: it hears words
  std::vector<TokenId> audio_close;
  bool frames_are_kept = true;        // in the history; else the words that were made out
  std::vector<TokenId> answer_close;  // behind the answer's words
  std::vector<TokenId> stop;          // ids that end an answer; not kept
};

// An empty `system`: the model's own.
PromptPieces PiecesOf(const model::ChatTemplate& chat, std::string_view system);

}  // namespace parley::realtime

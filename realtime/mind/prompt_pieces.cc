// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/prompt_pieces.h"

#include <optional>

namespace parley::realtime {

PromptPieces PiecesOf(const model::ChatTemplate& chat, std::string_view system) {
  PromptPieces pieces;
  pieces.system = chat.Begin(system.empty() ? std::nullopt : std::optional(system));
  pieces.user_open = chat.OpenUser();
  pieces.answer_open = chat.CloseUser();
  pieces.answer_close = chat.CloseAssistant();
  pieces.stop.assign(chat.stop_ids().begin(), chat.stop_ids().end());
  return pieces;
}

}  // namespace parley::realtime

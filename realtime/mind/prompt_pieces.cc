// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/prompt_pieces.h"

#include <optional>

namespace parley::realtime {

PromptPieces PiecesOf(const model::ChatTemplate& chat, std::string_view system) {
  PromptPieces pieces;
  pieces.system = chat.Begin(system.empty() ? std::nullopt : std::optional(system));
  pieces.user_open = chat.OpenUser();
  pieces.answer_open = chat.CloseUser();
  pieces.think_open = chat.CloseUser(model::Reply::kThink);
  pieces.no_think_open = chat.CloseUser(model::Reply::kNoThink);
  if (pieces.think_open == pieces.answer_open) {  // a format without thought of its own
    const auto behind = [&](std::string_view text) {
      std::vector<TokenId> ids = pieces.answer_open;
      const std::vector<TokenId> more = chat.tokenizer().Encode(text);
      ids.insert(ids.end(), more.begin(), more.end());
      return ids;
    };
    pieces.think_open = behind("<think>\n");
    pieces.no_think_open = behind("<think>\n\n</think>\n");
  }
  pieces.audio_open = chat.OpenAudio();
  pieces.audio_close = chat.CloseAudio();
  pieces.answer_close = chat.CloseAssistant();
  pieces.stop.assign(chat.stop_ids().begin(), chat.stop_ids().end());
  return pieces;
}

}  // namespace parley::realtime

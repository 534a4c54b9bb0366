// SPDX-License-Identifier: Apache-2.0
#include "realtime/mind/note_format.h"

#include <algorithm>

namespace parley::realtime {

PromptPieces FramePieces(PromptPieces pieces, const Style& style, bool think) {
  pieces.audio_open = {think ? style.marks.after : style.marks.none};
  pieces.audio_close.clear();
  pieces.frames_are_kept = false;
  return pieces;
}

std::vector<TokenId> NoteFormat::Open(TokenId mode) const {
  std::vector<TokenId> ids = pieces_.user_open;
  ids.push_back(mode);
  return ids;
}

std::vector<TokenId> NoteFormat::Words(std::span<const std::string> words,
                                       std::span<const std::string> marks) const {
  std::string text;
  for (const std::string& word : words) text += " " + word;
  std::string sounded;
  for (const std::string& mark : style_.acoustic_marks) {
    if (std::find(marks.begin(), marks.end(), mark) == marks.end()) continue;
    sounded += (sounded.empty() ? " [" : " ") + mark;
  }
  if (!sounded.empty()) text += sounded + "]";
  return tokenizer_->Encode(text);
}

}  // namespace parley::realtime

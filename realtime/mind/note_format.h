// The stream that a model which takes notes reads and writes, as ids (STYLE: style.h):
//
//   user_open MODE { words marks NOTE note NOTE_END }* words marks SPEECH_END thought ANSWER answer
//
// training/format.py writes the same stream for training; tests/golden holds both to each other.
// Thread:   const after construction.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/tokenizer.h"
#include "realtime/mind/prompt_pieces.h"
#include "realtime/mind/style.h"

namespace parley::realtime {

// Of a model that hears frames where its words would stand: user_open MODE frames SPEECH_END …, and words in the
// history, as it was trained.
PromptPieces FramePieces(PromptPieces pieces, const Style& style, bool think);

class NoteFormat {
 public:
  NoteFormat(Style style, PromptPieces pieces, std::shared_ptr<const model::Tokenizer> tokenizer)
      : style_(std::move(style)), pieces_(std::move(pieces)), tokenizer_(std::move(tokenizer)) {}

  std::vector<TokenId> Open(TokenId mode) const;  // the user's turn
  // Words as they were heard, and how: marks in the order of the style, only those it knows.
  std::vector<TokenId> Words(std::span<const std::string> words,
                             std::span<const std::string> marks) const;
  const Style& style() const { return style_; }
  const PromptPieces& pieces() const { return pieces_; }

 private:
  const Style style_;
  const PromptPieces pieces_;
  const std::shared_ptr<const model::Tokenizer> tokenizer_;
};

}  // namespace parley::realtime

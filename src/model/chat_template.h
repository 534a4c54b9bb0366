// How a model wants a talk written down, as ids: marks are ids, never text, and what a user says is always text, so that
// no word of a user can close a turn. Pieces come in the order of a talk, and a listener can append the user's words one
// by one between OpenUser and CloseUser:
//
//   Begin(system)  { OpenUser()  words…  CloseUser(reply)  generated ids…  CloseAssistant() }
//
//   kChatMl (SmolLM2)       <|im_start|>user\n … <|im_end|>\n<|im_start|>assistant\n … <|im_end|>\n
//   kStepAudio (2-mini, R1) <|BOT|>human\n … <|EOT|><|BOT|>assistant\n … <|EOT|>
//
// Thread:   const after construction; share it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "common/result.h"
#include "model/tokenizer.h"

namespace parley::model {

enum class ChatFormat : uint8_t { kChatMl, kStepAudio };
enum class Role : uint8_t { kSystem, kUser, kAssistant };

// How an answer begins. Only Step-Audio-R1 was trained on thought: its prompt always holds the opening "<think>\n", for a
// direct answer with an empty thought behind it. Elsewhere kThink and kNoThink are kPlain.
enum class Reply : uint8_t { kPlain, kThink, kNoThink };

class ChatTemplate {
 public:
  // The format whose marks the vocabulary has.
  static Result<std::shared_ptr<const ChatTemplate>> For(
      const std::shared_ptr<const Tokenizer>& tokenizer);

  ChatFormat format() const { return format_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }

  // The system turn. Nothing given: what the model's own template says then (SmolLM2 introduces itself; Step-Audio has no
  // system turn).
  std::vector<TokenId> Begin(std::optional<std::string_view> system) const;
  std::vector<TokenId> OpenUser() const;
  // Ends the user's turn and opens the assistant's.
  std::vector<TokenId> CloseUser(Reply reply = Reply::kPlain) const;
  std::vector<TokenId> CloseAssistant() const;

  // A whole turn that is over: history. Exact for every text, also for one that begins with white space.
  std::vector<TokenId> Turn(Role role, std::string_view text) const;

  // What stands around audio embeddings inside the user's turn; empty where a model hears words.
  std::vector<TokenId> OpenAudio() const;
  std::vector<TokenId> CloseAudio() const;

  // Ids that end an answer.
  std::span<const TokenId> stop_ids() const { return stop_ids_; }

 private:
  ChatTemplate(ChatFormat format, std::shared_ptr<const Tokenizer> tokenizer)
      : format_(format), tokenizer_(std::move(tokenizer)) {}
  std::vector<TokenId> Open(Role role, std::string_view text) const;
  std::vector<TokenId> Close() const;

  ChatFormat format_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  TokenId begin_ = 0;  // <|im_start|>, <|BOT|>
  TokenId end_ = 0;    // <|im_end|>, <|EOT|>
  std::optional<TokenId> audio_begin_;
  std::optional<TokenId> audio_end_;
  std::vector<TokenId> stop_ids_;
};

}  // namespace parley::model

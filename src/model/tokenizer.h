// Byte-level BPE: text to token ids and back, for SmolLM2 (GGUF), Whisper and Qwen2 (tokenizer.json).
// Thread:   const after construction; share it.
// Memory:   the vocabulary is held once. Encode allocates its result.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "common/result.h"
#include "weights/checkpoint.h"

namespace parley::model {

enum class SpecialTokens {
  kAsText,
  kParse
};  // is "<|im_end|>" in a user's words text (safe), or the token?

class Tokenizer {
 public:
  static Result<std::shared_ptr<const Tokenizer>> FromGguf(const weights::Checkpoint& gguf);
  static Result<std::shared_ptr<const Tokenizer>> FromJson(const std::string& tokenizer_json_path);
  // Of a checkpoint's folder: its tokenizer.json, or vocab.json and merges.txt with the added tokens beside them (Qwen2).
  static Result<std::shared_ptr<const Tokenizer>> FromFolder(const std::string& dir);

  virtual ~Tokenizer() = default;
  virtual std::vector<TokenId> Encode(std::string_view utf8,
                                      SpecialTokens special = SpecialTokens::kAsText) const = 0;
  virtual std::string_view Bytes(
      TokenId id) const = 0;  // what the id adds to the text; empty for special tokens
  virtual std::optional<TokenId> Find(
      std::string_view token) const = 0;  // a special token by its name
  virtual bool IsSpecial(TokenId id) const = 0;
  virtual int32_t vocabulary() const = 0;

  std::string Decode(std::span<const TokenId> ids) const;  // special tokens are left out
};

// Turns ids into text as they come, and never lets half a character out.
class TextStream {
 public:
  explicit TextStream(std::shared_ptr<const Tokenizer> tokenizer)
      : tokenizer_(std::move(tokenizer)) {}
  std::string Push(TokenId id);  // complete characters that this id finished; may be empty
  std::string Flush();           // what is left, broken bytes replaced by U+FFFD
 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::string pending_;
};

}  // namespace parley::model

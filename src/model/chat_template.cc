// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template.h"

namespace parley::model {
namespace {

// From the template in SmolLM2's checkpoint, for talks that begin without a system message.
constexpr std::string_view kSmolLm2System =
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face";

std::string_view RoleName(ChatFormat format, Role role) {
  switch (role) {
    case Role::kSystem:
      return "system";
    case Role::kUser:
      return format == ChatFormat::kStepAudio ? "human" : "user";
    case Role::kAssistant:
      return "assistant";
  }
  return "";
}

// "<think>" and "</think>" are ordinary text in Step-Audio's vocabulary.
std::string_view Prefill(ChatFormat format, Reply reply) {
  if (format != ChatFormat::kStepAudio || reply == Reply::kPlain) return "";
  return reply == Reply::kThink ? "<think>\n" : "<think>\n\n</think>\n";
}

std::vector<TokenId> Joined(std::vector<TokenId> a, const std::vector<TokenId>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

Result<std::shared_ptr<const ChatTemplate>> ChatTemplate::For(
    const std::shared_ptr<const Tokenizer>& tokenizer) {
  const bool step_audio = tokenizer->Find("<|BOT|>") && tokenizer->Find("<|EOT|>");
  const bool chat_ml = tokenizer->Find("<|im_start|>") && tokenizer->Find("<|im_end|>");
  if (!step_audio && !chat_ml) {
    return Fail(Code::kUnsupported,
                "the vocabulary has neither <|im_start|> and <|im_end|> nor <|BOT|> and <|EOT|>; "
                "parley knows the formats "
                "of SmolLM2 and of Step-Audio: was the model trained for talk?");
  }
  // Step-Audio's vocabulary holds Qwen2's ChatML marks too, but no prompt uses them.
  const ChatFormat format = step_audio ? ChatFormat::kStepAudio : ChatFormat::kChatMl;
  auto made = std::shared_ptr<ChatTemplate>(new ChatTemplate(format, tokenizer));
  made->begin_ = *tokenizer->Find(step_audio ? "<|BOT|>" : "<|im_start|>");
  made->end_ = *tokenizer->Find(step_audio ? "<|EOT|>" : "<|im_end|>");
  made->stop_ids_ = {made->end_};
  for (const char* also : {"<|endoftext|>", "<|im_end|>"}) {
    const std::optional<TokenId> id = tokenizer->Find(also);
    if (id && *id != made->end_) made->stop_ids_.push_back(*id);
  }
  if (step_audio) {
    made->audio_begin_ = tokenizer->Find("<audio_start>");
    made->audio_end_ = tokenizer->Find("<audio_end>");
  }
  return std::shared_ptr<const ChatTemplate>(std::move(made));
}

// The role and what follows it are one text, as in the published templates: a "\n" that begins the text merges with the
// one behind the role.
std::vector<TokenId> ChatTemplate::Open(Role role, std::string_view text) const {
  std::string header(RoleName(format_, role));
  header += '\n';
  header += text;
  return Joined({begin_}, tokenizer_->Encode(header, SpecialTokens::kAsText));
}

std::vector<TokenId> ChatTemplate::Close() const {
  if (format_ == ChatFormat::kStepAudio) return {end_};
  return Joined({end_}, tokenizer_->Encode("\n", SpecialTokens::kAsText));
}

std::vector<TokenId> ChatTemplate::Begin(std::optional<std::string_view> system) const {
  if (!system && format_ == ChatFormat::kChatMl) system = kSmolLm2System;
  return system ? Turn(Role::kSystem, *system) : std::vector<TokenId>();
}

std::vector<TokenId> ChatTemplate::OpenUser() const { return Open(Role::kUser, ""); }

std::vector<TokenId> ChatTemplate::CloseUser(Reply reply) const {
  return Joined(Close(), Open(Role::kAssistant, Prefill(format_, reply)));
}

std::vector<TokenId> ChatTemplate::CloseAssistant() const { return Close(); }

std::vector<TokenId> ChatTemplate::Turn(Role role, std::string_view text) const {
  return Joined(Open(role, text), Close());
}

std::vector<TokenId> ChatTemplate::OpenAudio() const {
  return audio_begin_ ? std::vector<TokenId>{*audio_begin_} : std::vector<TokenId>();
}

std::vector<TokenId> ChatTemplate::CloseAudio() const {
  return audio_end_ ? std::vector<TokenId>{*audio_end_} : std::vector<TokenId>();
}

}  // namespace parley::model

// SPDX-License-Identifier: Apache-2.0
#include "server/chat_prompt.h"

#include <string>
#include <string_view>
#include <utility>

#include "realtime/listen/block_words.h"
#include "realtime/mind/note_format.h"
#include "realtime/mind/thought_form.h"

namespace parley::server {
namespace {

constexpr std::string_view kThink = "<think>\n";

void Add(std::vector<TokenId>& ids, const std::vector<TokenId>& more) {
  ids.insert(ids.end(), more.begin(), more.end());
}

// What stands before the last turn of the user, and that turn's text.
struct Talk {
  std::string system;
  struct Exchange {
    std::optional<std::string> user;
    std::string answer;
  };
  std::vector<Exchange> turns;
  std::optional<std::string> user;
};

Talk TalkOf(const ChatRequest& request) {
  Talk talk;
  bool begun = false;
  const auto& messages = request.messages;
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string text = messages[i].Text();
    if (messages[i].role == "system" && !begun) {
      if (!talk.system.empty()) talk.system += "\n\n";
      talk.system += text;
      continue;
    }
    begun = true;
    if (messages[i].role != "assistant") {
      talk.user = talk.user ? *talk.user + "\n" : "";
      *talk.user +=
          messages[i].role == "tool" ? "<tool_response>\n" + text + "\n</tool_response>" : text;
    } else if (!request.continue_final || i + 1 < messages.size()) {
      talk.turns.push_back({std::exchange(talk.user, std::nullopt), text});
    }
  }
  return talk;
}

}  // namespace

ChatPrompt PromptOf(const ChatRequest& request, const model::ChatTemplate& chat,
                    const std::shared_ptr<const model::Tokenizer>& tokenizer,
                    const realtime::Style& style) {
  Talk talk = TalkOf(request);
  const std::string prefill = request.continue_final ? request.messages.back().Text() : "";
  const bool marked = prefill == kThink && style.style == realtime::ThinkingStyle::kInterleaved;
  if (marked && talk.system.empty()) talk.system = style.system;
  const bool step_audio = chat.format() == model::ChatFormat::kStepAudio;

  ChatPrompt prompt;
  prompt.stop_ids.assign(chat.stop_ids().begin(), chat.stop_ids().end());
  if (!talk.system.empty() || !step_audio) {
    prompt.ids = chat.Begin(talk.system.empty() ? std::nullopt
                                                : std::optional<std::string_view>(talk.system));
  }
  for (const auto& [user, answer] : talk.turns) {
    if (user) Add(prompt.ids, chat.Turn(model::Role::kUser, *user));
    Add(prompt.ids, chat.Turn(model::Role::kAssistant, answer));
  }
  if (marked) {
    const realtime::NoteFormat format(style, realtime::PiecesOf(chat, talk.system), tokenizer);
    Add(prompt.ids, format.Open(style.marks.after));
    Add(prompt.ids, format.Words(realtime::NormalisedWords(talk.user.value_or("")), {}));
    prompt.ids.push_back(style.marks.speech_end);
    prompt.stop_ids =
        realtime::ThoughtForm(tokenizer, std::move(prompt.stop_ids), style.marks).stop_ids();
    prompt.stop_ids.push_back(style.marks.tool_call);  // nobody would answer it
    prompt.thought_end = style.marks.answer;
    return prompt;
  }
  Add(prompt.ids, chat.OpenUser());
  Add(prompt.ids, tokenizer->Encode(talk.user.value_or("")));
  if (prefill == kThink && step_audio) {
    Add(prompt.ids, chat.CloseUser(model::Reply::kThink));  // as it was trained
  } else {
    Add(prompt.ids, chat.CloseUser());
    if (!prefill.empty()) Add(prompt.ids, tokenizer->Encode(prefill));
  }
  return prompt;
}

}  // namespace parley::server

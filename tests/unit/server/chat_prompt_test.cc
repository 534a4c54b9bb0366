// SPDX-License-Identifier: Apache-2.0
#include "server/chat_prompt.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/word_tokenizer.h"

namespace parley::server {
namespace {

using Ids = std::vector<TokenId>;
using model::Role;

Ids Join(std::initializer_list<Ids> parts) {
  Ids all;
  for (const Ids& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

struct Model {
  explicit Model(std::vector<std::string> specials)
      : tokenizer(std::make_shared<test::WordTokenizer>(std::move(specials))),
        chat(*model::ChatTemplate::For(tokenizer)) {}
  ChatPrompt Of(const std::string& body, realtime::ThinkingStyle style = {}) const {
    const auto request = ParseChatRequest(body, tokenizer->vocabulary());
    EXPECT_TRUE(request.has_value()) << request.error().message;
    realtime::Style how{.style = style};
    how.system = "You take notes.";
    return PromptOf(*request, *chat, tokenizer, how);
  }
  std::shared_ptr<test::WordTokenizer> tokenizer;
  std::shared_ptr<const model::ChatTemplate> chat;
};

// ids 3 to 13 are the marks of a model that takes notes, as in style.h.
Model Notes() {
  return Model({"<|im_end|>", "<|im_start|>", "<|endoftext|>", "<3>", "<4>", "<5>", "<6>", "<7>",
                "<8>", "<9>", "<10>", "<11>", "<12>", "<13>"});
}

constexpr const char* kTalk = R"({"messages":[
  {"role":"system","content":"Be kind."},
  {"role":"human","content":"Hello."}, {"role":"assistant","content":"Good day."},
  {"role":"human","content":[{"type":"text","text":"What's 2 + 2,"},{"type":"text","text":"Tom?"}]}%s})";

std::string Talk(const std::string& end) {
  std::string talk = kTalk;
  return talk.replace(talk.find("%s"), 2, end);
}

TEST(ChatPrompt, IsTheTalkInTheModelsOwnFormat) {
  const Model model = Notes();
  const auto& chat = *model.chat;
  const ChatPrompt prompt = model.Of(Talk("]"), realtime::ThinkingStyle::kInterleaved);
  EXPECT_EQ(prompt.ids, Join({chat.Begin("Be kind."), chat.Turn(Role::kUser, "Hello."),
                              chat.Turn(Role::kAssistant, "Good day."), chat.OpenUser(),
                              model.tokenizer->Encode("What's 2 + 2,\nTom?"), chat.CloseUser()}));
  EXPECT_EQ(prompt.stop_ids, Ids(chat.stop_ids().begin(), chat.stop_ids().end()));
  EXPECT_FALSE(prompt.thought_end);
}

TEST(ChatPrompt, APrefillGoesOnInTheAnswer) {
  const Model model = Notes();
  const ChatPrompt prompt =
      model.Of(Talk(R"(,{"role":"assistant","content":"It is"}],"continue_final_message":true)"),
               realtime::ThinkingStyle::kInterleaved);
  const ChatPrompt open = model.Of(Talk("]"));
  EXPECT_EQ(prompt.ids, Join({open.ids, model.tokenizer->Encode("It is")}));
  EXPECT_FALSE(prompt.thought_end);
}

const std::string kThinks =
    Talk(R"(,{"role":"assistant","content":"<think>\n"}],"continue_final_message":true)");

TEST(ChatPrompt, APrefilledThoughtIsTheModelsOwnMarkWhereItTakesNotes) {
  const Model model = Notes();
  const auto& chat = *model.chat;
  const ChatPrompt prompt = model.Of(kThinks, realtime::ThinkingStyle::kInterleaved);
  // The words as such a model reads them, and the mark behind which it thinks.
  EXPECT_EQ(prompt.ids, Join({chat.Begin("Be kind."),
                              chat.Turn(Role::kUser, "Hello."),
                              chat.Turn(Role::kAssistant, "Good day."),
                              chat.OpenUser(),
                              {4},
                              model.tokenizer->Encode(" what's 2 plus 2 tom"),
                              {8}}));
  EXPECT_EQ(prompt.thought_end, 9);
  for (TokenId mark = 3; mark <= 13; ++mark) {
    const auto& stops = prompt.stop_ids;
    EXPECT_EQ(std::find(stops.begin(), stops.end(), mark) == stops.end(), mark == 9) << mark;
  }
  // Without a system turn it is told what it was trained with.
  const ChatPrompt bare = model.Of(
      R"({"messages":[{"role":"human","content":"Hello."},{"role":"assistant","content":"<think>\n"}],
          "continue_final_message":true})",
      realtime::ThinkingStyle::kInterleaved);
  EXPECT_EQ(bare.ids, Join({chat.Begin("You take notes."),
                            chat.OpenUser(),
                            {4},
                            model.tokenizer->Encode(" hello"),
                            {8}}));
}

TEST(ChatPrompt, APrefilledThoughtIsTheTagElsewhere) {
  const Model step({"<|BOT|>", "<|EOT|>", "<|endoftext|>"});
  const ChatPrompt trained = step.Of(kThinks);
  EXPECT_EQ(trained.ids, Join({step.chat->Begin("Be kind."), step.chat->Turn(Role::kUser, "Hello."),
                               step.chat->Turn(Role::kAssistant, "Good day."),
                               step.chat->OpenUser(), step.tokenizer->Encode("What's 2 + 2,\nTom?"),
                               step.chat->CloseUser(model::Reply::kThink)}));
  EXPECT_FALSE(trained.thought_end);
  const Model plain({"<|im_start|>", "<|im_end|>"});
  const ChatPrompt text = plain.Of(kThinks);
  EXPECT_EQ(text.ids, Join({plain.Of(Talk("]")).ids, plain.tokenizer->Encode("<think>\n")}));
}

}  // namespace
}  // namespace parley::server

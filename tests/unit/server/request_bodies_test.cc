// SPDX-License-Identifier: Apache-2.0
#include "server/request_bodies.h"

#include <gtest/gtest.h>

#include "server/chat_request.h"

namespace parley::server {
namespace {

constexpr int32_t kVocabulary = 1000;

std::string Refused(const std::string& body) {
  const auto request = ParseChatRequest(body, kVocabulary);
  return request ? "" : request.error().message;
}

TEST(ChatRequest, ReadsTheShapeOfStepAudiosOwnClient) {
  const auto request = ParseChatRequest(R"({
    "model": "step-audio-r1", "stream": true, "include_reasoning": true, "continue_final_message": true,
    "add_generation_prompt": false, "max_tokens": 64, "temperature": 0.7, "top_p": 0.9, "top_k": -1,
    "repetition_penalty": 1.07, "stop_token_ids": [5, 151665, -3], "skip_special_tokens": false,
    "messages": [{"role": "system", "content": "Be kind."},
                 {"role": "human", "content": [{"type": "text", "text": "Listen:"},
                   {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}]},
                 {"role": "assistant", "content": "<think>\n"}]})",
                                        kVocabulary);
  ASSERT_TRUE(request.has_value()) << request.error().message;
  ASSERT_EQ(request->messages.size(), 3U);
  EXPECT_EQ(request->messages[1].role, "user");
  ASSERT_EQ(request->messages[1].parts.size(), 2U);
  EXPECT_EQ(request->messages[1].parts[1].sound, "RIFF");
  EXPECT_TRUE(request->stream && request->include_reasoning && request->continue_final);
  EXPECT_EQ(request->options.max_tokens, 64);
  EXPECT_EQ(request->options.sampler.top_k, 0);
  EXPECT_EQ(request->options.stop_ids, std::vector<TokenId>{TokenId{5}})
      << "ids outside of the vocabulary are ignored";
}

TEST(ChatRequest, SaysWhatIsWrong) {
  const std::string user = R"("messages":[{"role":"user","content":"x"}])";
  EXPECT_EQ(Refused("{" + user + "}"), "");
  for (const auto& [body, word] : std::vector<std::pair<std::string, std::string>>{
           {"", "object"},
           {"[]", "object"},
           {"{}", "messages"},
           {R"({"messages":[]})", "messages"},
           {R"({"messages":[5]})", "message"},
           {R"({"messages":[{"role":"wizard","content":"x"}]})", "wizard"},
           {R"({"messages":[{"role":"user","content":7}]})", "content"},
           {R"({"messages":[{"role":"user","content":[{"type":"image_url"}]}]})", "image_url"},
           {R"({"messages":[{"role":"user","content":[{"type":"input_audio"}]}]})", "input_audio"},
           {"{" + user + R"(,"temperature":"hot"})", "temperature"},
           {"{" + user + R"(,"temperature":9})", "temperature"},
           {"{" + user + R"(,"n":2})", "n"},
           {"{" + user + R"(,"continue_final_message":true})", "continue_final_message"},
           {std::string(1 << 20, '['), "deep"}}) {
    EXPECT_NE(Refused(body).find(word), std::string::npos)
        << body.substr(0, 80) << " -> " << Refused(body);
  }
}

TEST(ReasoningSplitter, SplitsAtTheTagWhereverPiecesBeginAndEnd) {
  const std::string thought = "<think>\nTwo and <b> two.</think>Four.", bare = "Just < an answer.";
  for (size_t piece = 1; piece <= thought.size(); ++piece) {
    for (const bool prefilled : {false, true}) {
      // The opening tag stood in the prompt, or was written by the model.
      const std::string text = prefilled ? thought.substr(7) : thought;
      ReasoningSplitter splitter(prefilled);
      std::string reasoning, content;
      const auto take = [&](const ReasoningSplitter::Piece& p) {
        reasoning += p.reasoning;
        content += p.content;
      };
      for (size_t at = 0; at < text.size(); at += piece)
        take(splitter.Push(text.substr(at, piece)));
      take(splitter.Flush());
      EXPECT_EQ(reasoning, "\nTwo and <b> two.") << piece;
      EXPECT_EQ(content, "Four.") << piece;
    }
    ReasoningSplitter plain(false);
    std::string content;
    for (size_t at = 0; at < bare.size(); at += piece) {
      content += plain.Push(bare.substr(at, piece)).content;
    }
    EXPECT_EQ(content + plain.Flush().content, bare) << piece;
  }
}

TEST(SecretRequest, ClampsItsLifeAndKeepsTheSession) {
  EXPECT_EQ(ParseSecretRequest("", 600)->seconds, 600);
  const auto seconds = [](const std::string& text) {
    return ParseSecretRequest(R"({"expires_after":{"anchor":"created_at","seconds":)" + text + "}}",
                              600)
        ->seconds;
  };
  EXPECT_EQ(seconds("60"), 60);
  EXPECT_EQ(seconds("1"), 10);
  EXPECT_EQ(seconds("1e300"), 7200);
  EXPECT_EQ(seconds("-1e300"), 10);
  EXPECT_EQ(seconds("\"long\""), 600);
  const auto request =
      ParseSecretRequest(R"({"session":{"type":"realtime","instructions":"Be brief."}})", 600);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->session.instructions->value(), "Be brief.");
  EXPECT_FALSE(ParseSecretRequest("7", 600).has_value());
  EXPECT_FALSE(ParseSecretRequest("{", 600).has_value());
  const std::string deep = std::string(1 << 22, '[') + std::string(1 << 22, ']');
  EXPECT_FALSE(ParseSecretRequest(R"({"session":{"tools":)" + deep + "}}", 600).has_value());
}

TEST(SpeechRequest, NamesWhatItCanDo) {
  const std::vector<std::string> voices = {"joe", "ann"};
  const auto request = ParseSpeechRequest(
      R"({"model":"any","input":"Hello.","voice":"ann","response_format":"pcm","speed":9})",
      voices);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->voice, "ann");
  EXPECT_FALSE(request->wav);
  EXPECT_FLOAT_EQ(request->speed, 2);
  EXPECT_EQ(ParseSpeechRequest(R"({"input":"x","voice":"alloy"})", voices)->voice, "joe");
  EXPECT_EQ(ParseSpeechRequest(R"({"input":"x"})", voices)->voice, "joe");
  const auto refused = [&](const std::string& body) {
    const auto wrong = ParseSpeechRequest(body, voices);
    return wrong ? "" : wrong.error().message;
  };
  EXPECT_NE(refused(R"({"input":"x","voice":"zoe"})").find("joe, ann"), std::string::npos);
  EXPECT_NE(refused(R"({"input":"x","response_format":"mp3"})").find("wav"), std::string::npos);
  EXPECT_NE(refused("{}").find("input"), std::string::npos);
  EXPECT_NE(refused(R"({"input":")" + std::string(20000, 'x') + "\"}").find("longer"),
            std::string::npos);
  EXPECT_NE(refused("nonsense").find("object"), std::string::npos);
}

}  // namespace
}  // namespace parley::server
